"""Clock frequency and switching activity of the designs on a search's front.

Neither is measured for every candidate: each placement takes seconds.
"""

from __future__ import annotations

from typing import Any

from esru.design import parse
from esru.errors import InputError
from esru.flow.fmax import placeable
from esru.search.driver import Observer
from esru.search.evaluate import Request
from esru.search.measured import cached_activity, cached_fmax
from esru.search.question import Question

Json = dict[str, Any]


def fill_front(result: Json, question: Question, observer: Observer) -> None:
    """Fill ``fmax_mhz`` and ``activity`` of the rows on the front, as far as asked for.

    Parameters
    ----------
    result : dict
        As `Outcome.to_json`; changed in place, and so are its reference and winner.
        ``fmax_mhz`` stands among the row's costs, on the question's target and boundary;
        ``activity`` is toggles of a lane per rounding.
    question : Question
        Says what is wanted.
    observer : Observer
        Told how far it is.

    Raises
    ------
    ToolMissing, ToolFailed
        If a tool is not there or fails.
    """
    front = set(result["front"])
    rows = [row for row in result["rows"] if row["id"] in front]
    rows += [row for row in (result["reference"], result["winner"]) if row is not None]
    where = question.target, question.boundary
    if question.fmax:
        with observer.stage(f"clock frequency on {question.target}, the front") as step:
            for index, row in enumerate(rows):
                step(index, len(rows))
                found = cached_fmax(Request(parse(row["design"]), *where), _silent)
                row["cost"][where[0]][where[1]]["fmax_mhz"] = found["median"]
            step(len(rows), len(rows))
    if question.activity:
        with observer.stage("switching activity, the front") as step:
            for index, row in enumerate(rows):
                step(index, len(rows))
                row["activity"] = cached_activity(parse(row["design"]), where[1])["toggles"]
            step(len(rows), len(rows))


def _silent(done: int, total: int) -> None:
    """Take no note: the stage counts designs, not placements."""


def check_figures(question: Question) -> None:
    """Refuse a clock frequency of a target that has none.

    Raises
    ------
    InputError
        If it is asked for.
    """
    if question.fmax and not placeable(question.target):
        raise InputError.must("Target of --fmax", "one that nextpnr places", question.target)
