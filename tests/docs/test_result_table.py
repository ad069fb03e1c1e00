"""The table of units without an output register in docs/ratio.md, and what its text says."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import product

import pytest
from ratio_rows import PAGE, ROOT, ROWS, TARGETS, TEXT, helps, metric_of, shown_counts, times
from scripts import script

from esru.design import parse

#: The same at `result` without saturation, plain RTL on both sides.
RESULT = {"ice40": 3.9, "xc7": 3, "ecp5": 2.6, "nand2": 5, "osu018": 5}


@pytest.mark.parametrize("target", RESULT)
def test_the_winner_at_the_result(target: str) -> None:
    metric = metric_of(target)
    key = (target, "result", "plain")
    saved = ROWS["reference, wrap", *key][metric] / ROWS["winner, wrap", *key][metric]
    assert saved >= RESULT[target]
    assert f"{saved:.2f}x" in section("Without the output register")


def test_without_an_output_register() -> None:
    lines = rows_of("unregistered")
    table = {tuple(line[:3]): line[3:] for line in lines}
    names = ("papers", "papers, shared", "winner", "select n = 8")
    assert set(table) == set(product(TARGETS, ("saturate", "wrap"), names))
    assert len(table) == len(lines)
    for (target, overflow, name), line in table.items():
        ends = ", wrap" if overflow == "wrap" else ""
        place = (target, "result")
        of, unit = f"reference{ends}", f"{name}{ends}"
        alike = f"reference, shared{ends}"
        shown = times((alike, *place, "plain"), (unit, *place, "plain"), metric_of(target))
        shared = "-" if name == "papers" else shown
        assert line == [*shown_counts(unit, *place), *helps(of, unit, *place), shared]
        for key in (of, unit, alike):
            design = parse(ROWS[key, *place, "plain"]["design"])
            assert design.overflow == overflow, key
            assert design.lanes == (64 if key not in ("papers" + ends, of) else 1)
    text = section("Without the output register")
    gated = json.loads((ROOT / "docs" / "results" / "gated.json").read_text(encoding="utf-8"))
    areas = {(r["name"], r["target"], r["boundary"]): r["area"] for r in gated["rows"]}
    areas |= {key[:3]: row["area"] for key, row in ROWS.items() if key[3] == "plain"}
    less = {
        (name, target): areas[name, target, "unit"] - areas[name, target, "result"]
        for name in ("reference", "winner")
        for target in ("nand2", "osu018", "nand2-gated", "osu018-gated")
    }
    told = (
        "differ by {:.2f} (osu018: {:,.2f}) for the reference and by {:.2f} ({:,.2f}) for the "
        "winner, with a gated clock by {:.2f} ({:.2f}) and {:.2f} ({:.2f})."
    )
    keys = product(("", "-gated"), ("reference", "winner"), ("nand2", "osu018"))
    assert told.format(*(less[name, f"{target}{ends}"] for ends, name, target in keys)) in text
    decision = (ROOT / "docs" / "decisions" / "0016-a-unit-without-its-register.md").read_text()
    for ends, told in (("", "{:.0f} NAND2 of {:.0f}."), ("-gated", "by {:.0f} of {:.0f}.")):
        unit = areas["winner", f"nand2{ends}", "unit"]
        assert told.format(less["winner", f"nand2{ends}"], unit) in decision
    wraps = ("saturate", "wrap")
    saved, shared = (
        [table[t, o, "winner"][i] for o in wraps for t in ("nand2", "osu018")] for i in (2, 5)
    )
    told = "saves {} (nand2) and {} (osu018), without saturation {} and {}."
    assert told.format(*saved) in text
    assert "saves {} (nand2) and {} (osu018). With it".format(*saved[:2]) in " ".join(TEXT.split())
    # "more than seven times", in docs/decisions/0014.
    assert all(float(ratio.rstrip("x")) > 7 for ratio in saved)
    told = "shares its PRNG as well that is {} and {}, without saturation {} and {};"
    assert told.format(*shared) in text
    lines = {tuple(line[:3]): line for line in rows_of("alone")}
    alone = [lines[target, "result", "winner, alone"][5] for target in ("nand2", "osu018")]
    assert "it saves {} and {}.".format(*alone) in text


def test_what_the_text_says_of_fpgas_and_of_the_papers_point() -> None:
    text = section("Without the output register")
    for target in ("ice40", "xc7", "ecp5"):
        key = (target, "result", "plain")
        assert f"{times(('reference, wrap', *key), ('winner, wrap', *key), 'cells')} on" in text
    for target, name in product(TARGETS[:6], ("reference", "papers", "winner", "select n = 8")):
        unit, result = (ROWS[name, target, b, "plain"] for b in ("unit", "result"))
        more = unit["cells"] - result["cells"]
        assert more == pytest.approx(1) if target == "ice40" else abs(more) <= 1
    dearer = {
        (name, target)
        for name, target in product(("papers", "papers, shared", "winner", "select n = 8"), TARGETS)
        if (f"{name}, wrap", target, "result", "helped") in ROWS
        and ROWS[f"{name}, wrap", target, "result", "helped"]["cells"]
        > ROWS[f"{name}, wrap", target, "result", "plain"]["cells"]
    }
    assert dearer == {("winner", "xc7"), ("select n = 8", "xc7"), ("select n = 8", "lut6")}
    found = [r for r in PAGE.readings(PAGE.read()) if r.boundary.startswith("result")]
    assert {r.boundary for r in found} == {"result", "result, wrap"}
    most = [max(r.ratio for r in found if (r.metric == "ff") == ff) for ff in (True, False)]
    told = "{:.2f}x in flip-flops where both sides share alike, else at most {:.2f}x."
    assert told.format(*most) in text
    assert max(most) < 0.95 * PAGE.CLAIMED


def test_the_units_without_saturation_are_all_of_them() -> None:
    wrapping = script("benchmarks", "ratio").wrapping()
    for target in TARGETS:
        counted = {
            name: row["design"]
            for (name, *place), row in ROWS.items()
            if place == [target, "result", "plain"]
        }
        assert {name: str(design) for name, design in wrapping.items()} == {
            name: design for name, design in counted.items() if name.endswith(", wrap")
        }
        for name, design in wrapping.items():
            assert replace(design, overflow="saturate") == parse(counted[name[:-6]])


def rows_of(name: str) -> list[list[str]]:
    """Return the rows of a table of the page, cell by cell."""
    (part,) = re.findall(f"<!-- begin: {name} -->(.*?)<!-- end: {name} -->", TEXT, re.DOTALL)
    return [line.strip("| ").split(" | ") for line in part.splitlines() if line[:1] == "|"][2:]


def section(title: str) -> str:
    """Return a section of the page as one line."""
    text = TEXT[TEXT.index(f"\n## {title}\n") + 4 :]
    return " ".join(text[: text.index("\n## ")].split())
