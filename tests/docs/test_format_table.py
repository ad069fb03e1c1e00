"""The table by the format of the result in docs/ratio.md: what is in it, and what its text says."""

from __future__ import annotations

import json
import re
import sys
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from scripts import script

from esru.design import parse
from esru.errors import ToolMissing
from esru.flow.cost import lane_costs
from esru.train.tasks import find_task
from esru.train.unit_formats import trained_unit

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "ratio.md").read_text(encoding="utf-8")
SECTION = TEXT[TEXT.index("\n## By the format of the result\n") : TEXT.index("\n## A lane alone\n")]
SAID = " ".join(
    re.sub("<!-- begin: formats -->.*<!-- end: formats -->", "", SECTION, flags=re.S).split()
)

FPGAS = ("ice40", "ecp5", "xc7")
CHIPS = ("nand2", "osu018", "nand2-gated", "osu018-gated")
TARGETS = FPGAS + CHIPS
NAMES = ("reference", "reference, shared", "winner")
INT8, FP4, SCALED = "`int8`", "`ocp_e2m1`", "`ocp_e2m1`, scaled"

Place = tuple[str, str, str, str]


def _read(name: str) -> dict[str, Any]:
    text = (ROOT / "docs" / "results" / f"{name}.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


FORMATS, UNGATED, GATED = _read("formats"), _read("ratio"), _read("gated")
SEARCH, DIGITS = _read("search-fp4-transformer"), _read("search-bits8")


def _rows() -> dict[Place, dict[str, Any]]:
    called = {None: INT8, "float32": FP4, "mx_float32": SCALED}
    found = {}
    for row in FORMATS["rows"] + UNGATED["rows"] + GATED["rows"]:
        if row["structure"] == "plain":
            place = (row["target"], row["boundary"], called[row.get("input")])
            assert (row["name"], *place) not in found
            found[row["name"], *place] = row
    return found


ROWS = _rows()


def _count(*place: str) -> Fraction:
    """Return what stands for a target of a row: its name, target, boundary and format."""
    row = ROWS[place]  # type: ignore[index]
    return Fraction(str(row["area" if place[1] in CHIPS else "cells"]))


def _ratio(of: str, *place: str) -> Fraction:
    return _count(of, *place) / _count("winner", *place)


def _cut(ratio: Fraction) -> str:
    """Return three decimals, and never more than there is."""
    whole, thousandths = divmod(int(ratio * 1000), 1000)
    return f"{whole}.{thousandths:03d}x"


def _places() -> list[tuple[str, str, str]]:
    return [
        place
        for place in product(TARGETS, ("decision", "result", "unit"), (INT8, FP4, SCALED))
        if place[1:] != ("decision", SCALED)
    ]


def test_the_file_has_every_row_and_the_same_tools() -> None:
    assert {UNGATED["versions"][tool] for tool in FORMATS["versions"]} == set(
        FORMATS["versions"].values()
    )
    assert set(FORMATS["versions"]) == {"yosys", "nextpnr-ice40", "nextpnr-ecp5"}
    assert FORMATS["lanes"] == UNGATED["lanes"] == GATED["lanes"] == 64
    wanted = [(name, *place) for place in _places() if place[2] != INT8 for name in NAMES]
    assert len(FORMATS["rows"]) == len(wanted)
    assert set(wanted) <= set(ROWS)


def test_the_units_are_those_that_the_searches_accepted() -> None:
    """Each in the format that it was trained in, and the references with the same formats."""
    assert SEARCH["tasks"] == ["fp4-transformer"] and DIGITS["tasks"] == ["digits-mlp"]
    for search in (SEARCH, DIGITS):
        assert search["winner"]["verdict"] == "accepted"
    winner = parse(SEARCH["winner"]["design"])
    trained = trained_unit(find_task("fp4-transformer"), winner)
    for target, boundary, called in _places():
        place = (target, boundary, called)
        own, shared, unit = (parse(ROWS[name, *place]["design"]) for name in NAMES)
        if called == INT8:
            ends = ""
            assert unit == parse("winner") == parse(DIGITS["winner"]["design"])
        else:
            ends = f",in={'mx_float32' if called == SCALED else 'float32'},out=ocp_e2m1"
            assert unit == parse(f"{winner}{ends}")
            assert (unit == trained) == (called == SCALED)
        assert own == parse(f"24:24:zero:lfsr24{ends}")
        assert shared == parse(f"24:24:zero:lfsr24,lanes=64{ends}")
        assert unit.lanes == 64
    assert f"`{DIGITS['winner']['design']}`, the one of [the search on the digits]" in SAID
    assert f"`{winner}`, [the one on gradients]" in SAID
    behaviour = SEARCH["winner"]["behaviour"]
    (digits,) = [row["verdict"] for row in DIGITS["rows"] if row["behaviour"] == behaviour]
    assert digits == "rejected", "the page says so"
    most = max(test["bound"] for test in SEARCH["winner"]["tests"])
    told = f"loses at most {most:.3f} nats, where a loss of {SEARCH['margin']} is the margin"
    assert told in SAID
    assert f"`{str(trained).removeprefix(str(winner) + ',')}`" in SAID


@pytest.mark.parametrize("target", TARGETS)
def test_a_decision_is_the_same_hardware(target: str) -> None:
    for name in NAMES[:2]:
        place = (name, target, "decision")
        assert _count(*place, FP4) == _count(*place, INT8)
    if target in FPGAS:
        found = SEARCH["winner"]["cost"][target]["decision"]["cells"]
        assert float(_count("winner", target, "decision", FP4)) == found


def test_the_table_has_the_counts() -> None:
    lines = [line.strip("| ").split(" | ") for line in SECTION.splitlines() if line[:1] == "|"]
    assert lines[0][2:] == [
        *("result", "reference", "reference, shared", "accepted unit"),
        *("reference over it", "shared : shared"),
    ]
    wanted = [
        [
            *place,
            *(f"{float(_count(name, *place)):.2f}" for name in NAMES),
            *(_cut(_ratio(of, *place)) for of in NAMES[:2]),
        ]
        for place in _places()
    ]
    assert lines[2:] == wanted


def _span(targets: tuple[str, ...], called: str, of: str = "reference") -> str:
    found = [_ratio(of, target, "unit", called) for target in targets]
    return f"{_cut(min(found))} to {_cut(max(found))}"


def test_what_is_said_of_five_times() -> None:
    gated, plain = CHIPS[2:], CHIPS[:2]
    for targets, more in ((gated, True), (plain, False)):
        for target in targets:
            assert (_ratio("reference", target, "unit", FP4) > 5) == more, target
    told = (
        "Where both sides gate their clocks, the FP4 unit without a scale saves more than five "
        "times at `unit` in standard cells: {} (nand2-gated) and {} (osu018-gated). Without gating "
        "it just misses it, {} (nand2) and {} (osu018)."
    )
    ratios = [_cut(_ratio("reference", target, "unit", FP4)) for target in gated + plain]
    assert told.format(*ratios) in SAID
    told = "With one for 64 lanes on both sides it saves {} there, int8 {}."
    assert told.format(*(_span(CHIPS, one, "reference, shared") for one in (FP4, INT8))) in SAID
    told = (
        "with the scale in the unit, as it was trained, it saves {} against a PRNG in every lane: "
        "about what int8 saves, {}."
    )
    assert told.format(*(_span(CHIPS, one) for one in (SCALED, INT8))) in SAID
    for target in CHIPS:
        scaled, int8 = (_ratio("reference", target, "unit", one) for one in (SCALED, INT8))
        assert abs(scaled / int8 - 1) < 0.1, target
    told = (
        "On ice40, ecp5 and xc7 the FP4 unit saves {}, {} and {}, scaled {}, {} and {}, in int8 "
        "{}, {} and {}."
    )
    shown = [
        _cut(_ratio("reference", target, "unit", one))
        for one in (FP4, SCALED, INT8)
        for target in FPGAS
    ]
    assert told.format(*shown) in SAID


def _around(name: str, called: str) -> str:
    """Return what a unit of nand2 has beyond its decision."""
    decision = FP4 if called == SCALED else called
    count = _count(name, "nand2", "unit", called) - _count(name, "nand2", "decision", decision)
    return f"{float(count):.2f}"


def test_what_is_said_of_why() -> None:
    widths = []
    for name in ("reference", "winner"):
        design = parse(ROWS[name, "nand2", "unit", FP4]["design"])
        # The leading bit, the fraction and the n bits below it.
        widths.append(1 + design.floats[1].fraction + design.n)
        assert design.floats[1].width == 4
    told = "the shifter is {} bits wide in the reference, and {} in the accepted unit."
    assert told.format(*widths) in SAID
    told = (
        "beyond the decision is {} NAND2 (nand2) in the reference and {} in the unit; "
        "in int8 it is {} and {}, nearly the same. And the output register is 4 bits, not 8."
    )
    shown = [_around(name, one) for one in (FP4, INT8) for name in ("reference", "winner")]
    assert told.format(*shown) in SAID
    told = "subtracted in the reference and in the unit, which makes it {} and {} NAND2."
    assert told.format(*(_around(name, SCALED) for name in ("reference", "winner"))) in SAID
    for name, of in product(NAMES, (FP4, SCALED)):
        more = ROWS[name, "nand2", "unit", of]["ff"] - ROWS[name, "nand2", "result", of]["ff"]
        assert more == 4, (name, of)
    noise = [
        _count(name, "nand2", "unit", FP4) - _count(name, "nand2", "result", FP4)
        for name in ("reference", "winner")
    ]
    for target in ("osu018", "xc7"):
        counts = [_count("reference", target, at, FP4) for at in ("unit", "result")]
        assert counts[0] < counts[1], target
        noise += counts
    told = (
        "for them the reference of nand2 takes {:.2f} more and the unit {:.2f}, and the reference "
        "takes even less than without on osu018 ({:.2f} for {:.2f}) and xc7 ({:.2f} for {:.2f})."
    )
    assert told.format(*map(float, noise)) in SAID


def test_what_is_said_of_int4() -> None:
    """The reference and the winner in the rows of docs/evidence-rows.md, natural schedule."""
    text = (ROOT / "docs" / "evidence-rows.md").read_text(encoding="utf-8")
    part = text.partition("\n## Weights in fewer bits, and in floats\n")[2].partition("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line[:1] == "|"]
    rate = lines[0].index("2^-6")
    found = []
    for name in ("winner", "reference"):
        (line,) = [
            line
            for line in lines
            if line[0] == f"`{parse(f'{name},out=int4')}`" and line[1].startswith("natural")
        ]
        found.append(float(line[rate].split()[0]))
    told = (
        "with `out=int4` it ends at {:.2f} % at the learning rate 2^-6, where the reference ends "
        "at {:.2f} %"
    )
    assert told.format(*found) in SAID and found[0] < found[1]


def test_a_ratio_is_never_rounded_up() -> None:
    """Where two decimals would say five times and it is less."""
    ratio = _ratio("reference", "nand2", "unit", FP4)
    assert 4.995 < ratio < 5 and _cut(ratio) == "4.998x"
    cut = script("docs", "format_rows").cut
    assert [cut(one) for one in (4.9999, 5.0, 41 / 4, 1.381)] == [
        *("4.999x", "5.000x", "10.250x", "1.381x")
    ]


def test_the_result_is_whole_or_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ratio", script("benchmarks", "ratio"))
    bench = script("benchmarks", "formats")

    def require(recipe: Any) -> None:
        if recipe.name == bench.TARGETS[-1]:
            raise ToolMissing("the library", "its package")

    def measured(*_: object) -> None:
        raise AssertionError("counted before everything was found to be there")

    monkeypatch.setattr(bench, "require", require)
    monkeypatch.setattr(bench, "measured", measured)
    monkeypatch.setattr(sys, "argv", ["formats.py", "--write", str(tmp_path / "formats.json")])
    with pytest.raises(SystemExit):
        bench.main()
    assert "the library was not found" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_benchmark_writes_these_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ratio", script("benchmarks", "ratio"))
    bench = script("benchmarks", "formats")
    assert bench.TARGETS == TARGETS
    assert FORMATS["lanes"] == bench.LANES
    monkeypatch.setattr(bench, "TARGETS", ("nand2",))
    monkeypatch.setattr(bench, "BOUNDARIES", ("decision",))
    path = tmp_path / "formats.json"
    monkeypatch.setattr(sys, "argv", ["formats.py", "--write", str(path)])
    assert bench.main() == 0
    found = json.loads(path.read_text(encoding="utf-8"))
    wanted = [ROWS[name, "nand2", "decision", FP4] for name in NAMES]
    assert found["rows"] == wanted and found["schema"] == FORMATS["schema"]


def test_the_winner_with_a_scale_decides_by_the_same_cells() -> None:
    """What the file counts once, at the decision, is so for the other input too."""
    design = parse(ROWS["winner", "nand2", "result", SCALED]["design"])
    (found,) = lane_costs([design], "nand2", "decision")
    assert found.to_json()["area"] == ROWS["winner", "nand2", "decision", FP4]["area"]
