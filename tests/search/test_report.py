"""The report: tables, picture and pages from a result, and what happens at their edges."""

from __future__ import annotations

import xml.etree.ElementTree as ET
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from esru.design import parse
from esru.flow.targets import caption
from esru.report.pages import report_html, report_markdown
from esru.report.plot import draw_front, front_points
from esru.report.tables import (
    between_formats,
    comparison,
    comparison_caption,
    contenders,
    row_cost,
    summary,
    verdicts,
)
from esru.report.text import plain_table, search_text
from esru.search.outcome import COMPARED, Costs, Outcome, bare, compared_design, ratios
from esru.search.question import Question
from esru.search.race import Cell, Contender, Level
from esru.search.run import front_csv

CELLS = [
    Cell("digits-mlp", lr, schedule) for lr in (0.25, 0.0625) for schedule in ("natural", "worst")
]
VERSIONS = {"esru": "0"}


def _costs(cells: float | None) -> Costs:
    counts = {"cells": cells, "lut": 1.0, "ff": 0.5, "carry": 0.0, "area": None, "fmax_mhz": None}
    return {"ice40": {"decision": counts, "unit": counts | {"cells": (cells or 0) + 9}}}


def _raced(text: str, cost: float, loss: float, verdict: str) -> Contender:
    contender = Contender(parse(text), cost, scouted=True)
    generator = np.random.default_rng(zlib.crc32(text.encode()))
    losses = {cell: generator.normal(loss, 0.2, 3) for cell in CELLS}
    contender.look(losses, {"digits-mlp": 0.1}, Level(1.0, 0.05, 400))
    contender.verdict, contender.reason = verdict, f"it is <{verdict}>"
    return contender


def _outcome(feasible: bool = True) -> Outcome:
    race = [
        _raced("1:0:zero:none", 0.0, 60.0, "rejected"),
        _raced("3:3:zero:lfsr13,leap=3,lanes=64", 4.2, 5.0, "rejected"),
        _raced(
            "4:3:select:lfsr13,leap=3,lanes=64", 4.5, 0.1, "accepted" if feasible else "undecided"
        ),
    ]
    designs = [contender.design for contender in race]
    designs += [compared_design(name, "decision") for name in COMPARED]
    designs.append(parse("reference,lanes=64"))
    costs = {bare(design): _costs(float(10 + i)) for i, design in enumerate(designs)}
    for contender in race:
        costs[bare(contender.design)] = _costs(contender.cost)
    return Outcome(
        question=Question(bits=4),
        status="done" if feasible else "infeasible",
        contenders=race,
        costs=costs,
        winner=race[2] if feasible else None,
        counts=dict.fromkeys(
            (
                "points",
                "behaviours",
                "costed",
                "raced",
                "accepted",
                "rejected",
                "undecided",
                "trainings",
                "reused",
            ),
            3,
        ),
        closest=race[:2],
        beside=[_raced(text, 9.0, 40.0, "rejected") for text in ("papers", "papers-zero")],
    )


def _result(feasible: bool = True) -> dict[str, Any]:
    """Return the JSON that `run_search` writes: the outcome's, and the winner's checks."""
    check = {"level": "formal", "name": "a <proof>", "cases": 64, "passed": True}
    return _outcome(feasible).to_json() | {"proof": [check] if feasible else []}


@pytest.mark.parametrize("feasible", [True, False])
def test_every_view_of_a_result(feasible: bool) -> None:
    result = _result(feasible)
    text = search_text(result)
    page = report_html(result, VERSIONS, "<svg></svg>")
    document = report_markdown(result, VERSIONS)
    for view in (text, page, document):
        for name in COMPARED:
            assert str(parse(name)) in view or name in view
        assert ("4:3:select" in view) == feasible or not feasible
    assert "it is &lt;rejected&gt;" in page
    assert "<script" not in page and "http" not in page.replace("http://www.w3.org", "")
    assert ("formal 1 of 1 passed" in text) == feasible
    assert ("a &lt;proof&gt;" in page) == feasible
    assert text.startswith("Winner: 4:3:select" if feasible else "No unit of up to 4 bits")


@pytest.mark.parametrize("feasible", [True, False])
def test_losses_are_in_the_tasks_unit(feasible: bool) -> None:
    """A task that judges by its loss is told of in nats, with the decimals that they need."""
    from esru.report.tables import loss_text

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: renamed(child) for key, child in value.items()}
        if isinstance(value, list):
            return [renamed(child) for child in value]
        return "chars-transformer" if value == "digits-mlp" else value

    points = _result(feasible)
    nats = renamed(points)
    told, other = search_text(nats), search_text(points)
    wanted = "nats in any of 4 cells" if feasible else "less than 1 nats ("
    assert wanted in told and wanted.replace("nats", "points") in other
    assert "points in" not in told and "than 1 points" not in told
    row = nats["rows"][1]
    assert loss_text(row).startswith(f"{row['loss']['mean']:+.3f} [")
    assert loss_text(points["rows"][1]).startswith(f"{row['loss']['mean']:+.2f} [")
    page = report_html(nats, VERSIONS, "<svg></svg>")
    assert "Loss and upper bound in nats." in page and "points of accuracy" not in page
    assert "worst cell tested, nats (95" in draw_front(front_points(nats), nats)


def test_the_picture_of_nats_is_in_margins() -> None:
    result = _result() | {"margin": 0.05}
    in_points = draw_front(front_points(result), result)
    in_nats = result | {"tasks": ["fp4-transformer"]}
    told = draw_front(front_points(in_nats), in_nats)
    for tick in (0.25, 0.5, 2.5):
        assert f">{tick}<" in told and f">{tick}<" not in in_points
    assert ">50<" in in_points


def test_what_the_winner_is_called_between_formats() -> None:
    result = _result()
    assert between_formats(result) == []
    (line,) = between_formats(result | {"tasks": ["nvfp4-transformer"]})
    unit = f"{result['winner']['design']},in=mx_float32,out=ocp_e2m1"
    assert line == f"it rounds the gradients of nvfp4-transformer as {unit}: the same hardware"


def test_the_compared_designs_are_always_there() -> None:
    result = _result()
    header, rows = comparison(result)
    assert header == [
        "target",
        "boundary",
        "count",
        "reference",
        "shared PRNG",
        "papers",
        "papers-zero",
        "winner",
    ]
    assert [row[:3] for row in rows] == [
        ["ice40", "decision", "cells"],
        ["ice40", "unit", "cells"],
    ]
    _, told = verdicts(result)
    assert [row[0] for row in told] == [*COMPARED, "winner"]
    _, near = contenders(result)
    assert [row[0] for row in near] == ["1:0:zero:none", "3:3:zero:lfsr13,leap=3,lanes=64"]


def test_ratios_are_the_reference_over_the_design() -> None:
    found = ratios(_costs(4.0), _costs(49.0))
    assert found["ice40"]["decision"]["cells"] == 12.25
    assert found["ice40"]["decision"]["carry"] is None  # 0 on one side
    assert found["ice40"]["decision"]["area"] is None  # not measured
    assert ratios(_costs(None), _costs(49.0))["ice40"]["decision"]["cells"] is None


def test_what_was_counted_stands_below_the_table() -> None:
    printed = search_text(_result()).splitlines()
    (line,) = caption(["ice40"])
    below = printed.index(f"  {line}")
    assert printed[below - 1] == "Cells, per lane:"
    assert printed[below - 3].startswith("ice40 "), "at once below the counts"


def test_the_ratio_with_the_same_help_is_of_both_given_cell_by_cell() -> None:
    outcome = _outcome()
    assert outcome.winner is not None
    designs = {bare(outcome.reference): 30.0, bare(outcome.winner.design): 2.5}
    result = replace(outcome, helped={d: _costs(cells) for d, cells in designs.items()}).to_json()
    assert set(result["helped"]) == {outcome.reference.id, outcome.winner.design.id}
    (first, *_) = comparison(result)[1]
    assert [text.count(", ") for text in first[5:]] == [2, 2, 2]
    assert first[-1].split(", ")[1] == "12.00x"
    assert first[-2].split(", ")[1] == "-"  # papers-zero was not measured so
    assert "both given cell by cell" in comparison_caption(result)

    older = {key: value for key, value in result.items() if key != "helped"}
    (first, *_) = comparison(older)[1]
    assert first[-1].count(", ") == 1
    assert "cell by cell" not in comparison_caption(older)


def test_the_shared_reference_is_set_beside_units_that_share_as_it_does() -> None:
    result = _result()
    assert "one PRNG for all 64 lanes on both sides" in comparison_caption(result)
    (first, *_) = comparison(result)[1]
    shared = row_cost(result["reference_shared"], "ice40", "decision", "cells")
    assert shared is not None
    last = [text.rstrip(")").split(", ")[-1] for text in first[5:]]
    assert last == ["-", "-", f"{shared / 4.5:.2f}x"]
    assert f", {last[2]} with one PRNG for all 64 lanes" in summary(result)[1]

    winner = result["winner"] | {"design": "4:3:select:lfsr13,leap=3,lanes=8"}
    few = result | {"winner": winner}
    (first, *_) = comparison(few)[1]
    assert first[-1].endswith(", -)") and "one PRNG" not in summary(few)[1]


def test_standard_cells_are_compared_by_area() -> None:
    def on_osu018(costs: Costs, per_cell: float) -> Costs:
        (boundaries,) = costs.values()
        areas = {
            boundary: counts | {"area": counts["cells"] and counts["cells"] * per_cell}
            for boundary, counts in boundaries.items()
        }
        return costs | {"osu018": areas}

    outcome = _outcome()
    assert outcome.winner is not None
    own, reference = bare(outcome.winner.design), bare(outcome.reference)
    costs = {design: on_osu018(found, 30.0) for design, found in outcome.costs.items()}
    costs[reference] = on_osu018(outcome.costs[reference], 60.0)
    helped = {design: costs[design] for design in (own, reference)}
    question = replace(outcome.question, target="osu018", objective="area")
    result = replace(outcome, costs=costs, helped=helped, question=question).to_json()
    result["proof"] = []
    rows = {tuple(row[:2]): row[2:] for row in comparison(result)[1]}
    cells = {d: costs[d]["ice40"]["decision"]["cells"] for d in (own, reference)}
    assert rows["ice40", "decision"][0] == "cells"
    assert rows["ice40", "decision"][1] == f"{cells[reference]:.2f}"
    count, of, *_, winner = rows["osu018", "decision"]
    assert count == "area" and of == f"{60 * cells[reference]:.2f}"
    times = f"{2 * cells[reference] / cells[own]:.2f}x"
    assert winner.startswith(f"{30 * cells[own]:.2f} ({times}, {times}, ")
    assert f"{times} that as plain RTL, {times} with both" in " ".join(summary(result))


def test_rows_keep_the_interface() -> None:
    result = _result()
    row = result["winner"]
    assert list(row) == [
        "design", "id", "behaviour", "cost", "ratio", "loss", "verdict", "reason", "tests",
    ]  # fmt: skip
    assert list(row["loss"]) == ["mean", "low", "high", "seeds"]
    assert list(row["tests"][0]) == ["task", "lr", "schedule", "diff", "bound", "seeds"]
    assert result["reference"]["loss"] is None
    assert result["front"]


def test_the_boundary_of_the_question_is_the_boundary_of_the_rows() -> None:
    outcome = _outcome()
    outcome.question = replace(outcome.question, boundary="unit")
    assert outcome.reference.boundary == "unit"
    assert outcome.named("papers").design == parse("papers,boundary=unit")


def test_the_picture_has_every_raced_design_and_is_reproducible() -> None:
    result = _result()
    points = front_points(result)
    assert [point.kind for point in points].count("winner") == 1
    assert len(points) == len(result["rows"]) + 3  # the papers' two and the reference
    assert {"reference", "winner"} <= {point.kind for point in points}
    svg = draw_front(points, result)
    assert svg == draw_front(points, result)
    ET.fromstring(svg)
    assert "margin 1" in svg


def test_csv_has_a_line_per_raced_design() -> None:
    result = _result()
    lines = front_csv(result).splitlines()
    assert len(lines) == 1 + len(result["rows"])
    assert lines[0].startswith("design,id,front,cost,loss")


def test_summary_names_target_and_boundary() -> None:
    assert "ice40, boundary decision, 64 lanes" in " ".join(summary(_result()))


def test_plain_tables_align() -> None:
    text = plain_table(["name", "n"], [["a", "1"], ["long name", "10"]])
    assert text.splitlines() == ["name        n", "---------  --", "a           1", "long name  10"]
