"""The page on the papers' ratio: its tables, its claims, and that its counts come again."""

from __future__ import annotations

import json
import re
from itertools import product
from math import gcd

import numpy as np
import pytest
from ratio_rows import (
    PAGE,
    PLACES,
    ROOT,
    ROWS,
    TARGETS,
    TEXT,
    best,
    helps,
    metric_of,
    shown_counts,
    table_of,
    times,
)

from esru.boundaries import ROUNDINGS
from esru.design import Design, parse
from esru.flow.cost import lane_costs
from esru.report.fresh import stale
from esru.sources import source_model

#: What the winner must save at 64 lanes, against the reference as plain RTL.
PLAIN = {"ice40": 14, "xc7": 11, "lut6": 12, "ecp5": 8, "nand2": 20, "osu018": 20}

#: The same at the boundary `unit`.
UNIT = {"ice40": 3.9, "xc7": 3, "ecp5": 2.6}

#: What an accumulator must save against the reference's whole unit, on every target.
ACCUMULATOR = 9.75


def test_the_tables_are_fresh() -> None:
    assert not stale(PAGE.generated()), "run python docs/ratio.py"


def test_the_columns_set_like_beside_like() -> None:
    """No unit with a source in every lane stands beside the reference whose PRNG is shared."""
    table = table_of("columns")
    own = {"papers", "papers-zero, LFSR"}
    shared = {"papers, shared", "winner", "half n = 4", "select n = 5", "select n = 8"}
    assert set(table) == {(*place, name) for place in PLACES for name in own | shared}
    for (target, boundary, name), line in table.items():
        place, metric = (target, boundary), metric_of(target)
        lanes = parse(ROWS[name, *place, "plain"]["design"]).lanes
        assert lanes == (64 if name in shared else 1)
        of = ("reference, shared", *place, "plain")
        assert parse(ROWS[of]["design"]).lanes == 64
        alike = times(of, (name, *place, "plain"), metric) if name in shared else "-"
        helped = (name, *place, "helped")
        best = helped if helped in ROWS else (name, *place, "plain")
        ff = times(("reference", *place, "plain"), best, "ff")
        assert line == [*shown_counts(name, *place), *helps("reference", name, *place), alike, ff]
    for target, ratio in (("ice40", "2.80x"), ("ecp5", "2.13x"), ("nand2", "3.49x")):
        assert table[target, "decision", "papers, shared"][5] == ratio


def test_a_lane_alone() -> None:
    table = table_of("alone")
    names = ("papers", "winner, alone", "select n = 8, alone")
    assert set(table) == set(product(TARGETS, ROUNDINGS, names))
    cheapest = set()
    for (target, boundary, name), line in table.items():
        place = (target, boundary)
        plain = ROWS[name, *place, "plain"]
        assert parse(plain["design"]).lanes == 1
        ff = times(("reference", *place, "plain"), (name, *place, "plain"), "ff")
        assert line == [*shown_counts(name, *place), *helps("reference", name, *place), ff]
        for how in ("plain", "helped"):
            keys = [(other, *place, how) for other in names]
            if all(key in ROWS for key in keys):
                least = min(keys, key=lambda key: float(ROWS[key][metric_of(key[1])]))
                cheapest.add((target, least[0]))
    # As the text says.
    papers = ("ice40", "nand2", "osu018")
    assert cheapest == {(t, "papers" if t in papers else "winner, alone") for t in TARGETS}
    text = " ".join(TEXT.split())
    winner = {target: table[target, "decision", "winner, alone"] for target in TARGETS}
    assert {line[-1] for key, line in table.items() if key[2] == names[1]} == {"1.00x"}
    saved = [float(winner[target][2].rstrip("x")) for target in ("nand2", "osu018")]
    assert [round(ratio, 1) for ratio in saved] == [1.2, 1.2]
    assert "in standard cells at the decision it saves 1.2x" in text
    assert (
        float(winner["ice40"][1]) - ROWS["reference", "ice40", "decision", "helped"]["cells"] == 2
    )
    eight = [table[target, "decision", names[2]][4] for target in TARGETS[:6]]
    assert f"is between {min(eight)} and {max(eight)} there" in text
    for name in names[1:]:
        assert f"`{ROWS[name, 'ice40', 'decision', 'plain']['design']}`" in text


def test_fresh_bits_on_both_sides() -> None:
    table = table_of("fresh")
    assert set(table) == set(product(TARGETS, ROUNDINGS))
    name, shared = "reference, fresh bits", "reference, shared, fresh bits"
    for place, line in table.items():
        alike = times((shared, *place, "plain"), ("winner", *place, "plain"), metric_of(place[0]))
        counts = [*shown_counts(name, *place), *shown_counts("winner", *place)]
        assert line == [*counts, *helps(name, "winner", *place), alike]
    assert table["ice40", "decision"][4] == "15.78x" and table["xc7", "decision"][4] == "49.37x"
    # Fresh they are: no bit comes twice, and the whole period is passed.
    for key in (name, shared, "winner"):
        design = parse(ROWS[key, "ice40", "decision", "plain"]["design"])
        (leap,) = re.findall(r"leap=(\d+)", str(design))
        assert int(leap) >= design.k and gcd(int(leap), 2**24 - 1) == 1
        assert f"`{design}`" in TEXT or key == shared
    assert all(gcd(leap, 2**24 - 1) > 1 for leap in range(24, 29))
    assert "(29 steps a word)" in TEXT
    # As the text says.
    cells = [table[target, "unit"][4] for target in ("nand2", "osu018")]
    assert all(float(times.rstrip("x")) > 5 for times in cells)
    assert "saves {} (nand2) and {} (osu018): [fresh bits".format(*cells) in " ".join(TEXT.split())
    found = [table[target, "result"][i] for i in (4, 7) for target in ("nand2", "osu018")]
    told = "At `result` it saves {} (nand2) and {} (osu018), with the XORs shared {} and {}."
    assert told.format(*found) in TEXT
    at = [table[target, "decision"] for target in TARGETS]
    ends = []
    for column in (4, 6, 7):
        found = [float(line[column].rstrip("x")) for line in at if line[column] != "-"]
        ends.append(f"{min(found):.0f}x to {max(found):.0f}x")
    plain, helped, alike = ends
    text = " ".join(TEXT.split())
    assert f"saves {plain} as plain RTL and {helped} with help for both" in text
    assert f"share the reference's XORs too, {alike}." in text
    worse = {target for target, line in zip(TARGETS[:6], at[:6], strict=True) if line[0] < line[1]}
    assert worse == {"ice40", "ecp5"} and "(56 cells for 54, 61 for 58)" in text
    assert [at[i][k] for i in (0, 1) for k in (1, 0)] == ["56.00", "54.00", "61.00", "58.00"]


def _repeated(design: Design) -> int:
    """Return how many bits of a word are each always one and the same bit of the word before."""
    words = source_model(design).words(0, 1000).astype(np.uint64)[:, None]
    bits = words >> np.arange(design.k, dtype=np.uint64) & np.uint64(1)
    before, after = bits[:-1, None], bits[1:, :, None]
    return int((before == after).all(0).any(1).sum())


def test_the_bits_that_come_again_are_counted_word_by_word() -> None:
    place = ("ice40", "decision", "plain")
    shared, winner = (
        parse(ROWS[name, *place]["design"]) for name in ("reference, shared", "winner")
    )
    told = f"this reference repeats {_repeated(shared)} of {shared.k} from word to word."
    assert told in TEXT
    assert _repeated(winner) == 0, "the page says so"


def test_the_spread_counts_one_thing_a_target() -> None:
    """Area for standard cells, not their number, and the shared reading beside the shared."""
    (line,) = [
        line
        for line in TEXT.splitlines()
        if line.startswith("| papers, shared | reference, shared | decision | 2")
    ]
    found = {}
    for target in TARGETS:
        rows = [
            ROWS[name, target, "decision", "plain"]
            for name in ("reference, shared", "papers, shared")
        ]
        found[target] = rows[0][metric_of(target)] / rows[1][metric_of(target)]
    low, high = (pick(found, key=lambda t: found[t]) for pick in (min, max))
    assert line.endswith(f"| {found[low]:.2f}x ({low}) | {found[high]:.2f}x ({high}) |")


def test_an_accumulator_beside_the_shared_unit() -> None:
    for target, boundary in product(TARGETS, ("accumulator", "dither")):
        for name in ("papers", "papers, shared", "winner"):
            if (name, target, boundary, "plain") not in ROWS:
                continue
            (line,) = [x for x in TEXT.splitlines() if f"| {target} | {boundary} | {name} |" in x]
            key = (name, target, boundary, "plain")
            of = ("reference, shared", target, "unit", "plain")
            alike = "-" if name == "papers" else times(of, key, metric_of(target))
            assert line.split(" | ")[5] == alike


@pytest.mark.parametrize("target", PLAIN)
def test_the_winner_at_the_decision(target: str) -> None:
    metric = "area" if target in ("nand2", "osu018") else "cells"
    reference = ROWS["reference", target, "decision", "plain"][metric]
    assert reference / best("winner", target, "decision", metric) >= PLAIN[target]
    if target in ("nand2", "osu018"):
        return
    helped = ROWS["reference", target, "decision", "helped"][metric]
    assert helped / best("winner", target, "decision", metric) >= PAGE.CLAIMED


@pytest.mark.parametrize("target", UNIT)
def test_the_winner_at_the_unit(target: str) -> None:
    metric = "area" if target in ("nand2", "osu018") else "cells"
    reference = ROWS["reference", target, "unit", "plain"][metric]
    assert reference / best("winner", target, "unit", metric) >= UNIT[target]


@pytest.mark.parametrize("target", ["nand2", "osu018"])
def test_rounding_in_an_accumulator_of_standard_cells(target: str) -> None:
    unit = ROWS["reference", target, "unit", "plain"]["area"]
    for name, boundary in (("half n = 4", "dither"), ("winner", "accumulator")):
        assert ROWS[name, target, boundary, "plain"]["area"] <= unit / ACCUMULATOR


@pytest.mark.parametrize("target", ["ice40", "ecp5", "gowin", "xc7", "lut4", "lut6"])
def test_rounding_in_an_accumulator(target: str) -> None:
    unit = ROWS["reference", target, "unit", "plain"]["cells"]
    cost = ROWS["half n = 4", target, "dither", "plain"]["cells"]
    assert cost <= unit / ACCUMULATOR
    plain = ROWS["winner", target, "accumulator", "plain"]["cells"]
    assert (plain <= unit / ACCUMULATOR) == (target not in ("gowin", "lut4"))
    eight = ROWS["select n = 8", target, "accumulator", "helped"]["cells"]
    assert eight <= unit / ACCUMULATOR, "the page says so"
    assert ROWS["winner", target, "accumulator", "helped"]["cells"] <= unit / ACCUMULATOR
    helped = ROWS["winner", target, "accumulator", "helped"]["cells"]
    unit_helped = ROWS["reference", target, "unit", "helped"]["cells"]
    assert helped <= unit_helped / ACCUMULATOR, "the page says so"
    (line,) = [line for line in TEXT.splitlines() if f"| {target} | accumulator | winner |" in line]
    assert line.split(" | ")[-1] == f"{unit_helped / helped:.2f}x |"
    assert (plain < helped) == (target in ("xc7", "lut6")), "the page says so"


def test_the_figures_in_the_text() -> None:
    """Each is said in words on the page; here it is what was counted."""
    for name, bit in (("lut4", 1.6), ("lut6", 1.2)):
        reference = ROWS["reference", name, "decision", "plain"]["cells"]
        assert round(reference / 24, 1) == bit
        assert f"{bit} {name.upper()}" in TEXT
    carried = ROWS["winner", "lut4", "accumulator", "plain"]["cells"]
    assert round(carried - ROWS["winner", "lut4", "decision", "plain"]["cells"]) == 3
    helped = ROWS["winner", "lut4", "accumulator", "helped"]["cells"]
    assert helped - ROWS["winner", "lut4", "decision", "helped"]["cells"] == 1
    assert round(ROWS["half n = 4", "lut4", "dither", "plain"]["cells"], 1) == 0.1


def test_what_comes_near_the_papers_figure() -> None:
    """What the summary says of every reading that does."""
    near = [r for r in PAGE.readings(PAGE.read()) if abs(r.ratio - 9.75) <= 0.05 * 9.75]
    assert near and not any(r.boundary in ("result", "result, wrap", "unit") for r in near)
    own = [r for r in near if "zero" not in r.name]
    decision = [r for r in near if r.boundary == "decision" and r not in own]
    assert decision and all(r.name.startswith("papers-zero, ") for r in decision)
    assert all("LFSR" in r.name for r in decision)
    # Where the papers' own point shares its source: twice, on osu018.
    shared = {
        (r.name, r.against, r.target, r.boundary, r.metric)
        for r in own
        if r.against.rpartition(": ")[2] != "unit"
    }
    assert shared == {
        ("papers, shared", "reference", "osu018", "decision", "cells"),
        ("papers, shared", "reference, shared", "osu018", "dither", "area"),
    }
    assert len(own) > len(shared) and {r.target for r in own} <= {"nand2", "osu018"}
    eight = [ROWS["select n = 8", "lut6", "decision", how]["cells"] for how in ("plain", "helped")]
    assert 0 < eight[1] - eight[0] < 0.05
    # Carry chains, as plain RTL.
    for target in ("ice40", "ecp5", "gowin", "xc7"):
        key = (target, "decision", "plain")
        reference, point = ROWS["reference", *key], ROWS["papers-zero, LFSR", *key]
        assert reference["cells"] / point["cells"] < 0.95 * 9.75


def test_flip_flops() -> None:
    """The bar of 60x, by a unit that the search has accepted; the winner is just below it."""
    text = (ROOT / "docs" / "results" / "search-bits8.json").read_text(encoding="utf-8")
    verdicts = {row["design"]: row["verdict"] for row in json.loads(text)["rows"]}
    place = ("ice40", "decision", "plain")
    assert verdicts[ROWS["select n = 5", *place]["design"]] == "accepted"
    assert 59 < ROWS["reference", *place]["ff"] / ROWS["winner", *place]["ff"] < 60
    rows = (
        ROWS["reference", "ice40", "decision", "plain"],
        ROWS["select n = 5", "ice40", "decision", "plain"],
    )
    assert rows[0]["ff"] / rows[1]["ff"] >= 60


@pytest.mark.parametrize("name", ["lut6", pytest.param("ice40", marks=pytest.mark.slow)])
def test_the_counts_come_again(name: str) -> None:
    versions = PAGE.read()["versions"]
    from esru.flow import toolchain

    if toolchain.versions()["yosys"] != versions["yosys"]:
        pytest.skip("another Yosys counts otherwise")
    chosen = ("reference", "papers", "winner")
    for boundary in ("decision", "result", "unit"):
        for structure in ("plain", "helped"):
            keys = [(row, name, boundary, structure) for row in chosen]
            designs = [parse(ROWS[key]["design"]) for key in keys]
            found = lane_costs(designs, name, boundary, structure=structure)
            for key, cost in zip(keys, found, strict=True):
                assert cost.cells == pytest.approx(ROWS[key]["cells"], abs=1e-6), key
