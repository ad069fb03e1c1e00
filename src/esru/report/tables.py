"""The tables of a search, as rows of text: what the terminal and the reports show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from esru.design import parse
from esru.design_text import short_design
from esru.flow.ratio import headline
from esru.flow.targets import caption
from esru.train.tasks import common_unit, find_task, tasks, unit_digits
from esru.train.unit_formats import trained_unit

Json = dict[str, Any]

Table = tuple[list[str], list[list[str]]]


def number(value: float | None, digits: int = 2) -> str:
    """Return a measured number, or ``-`` for one that was not measured."""
    return "-" if value is None else f"{value:.{digits}f}"


def ratio_text(value: float | None) -> str:
    """Return a ratio as text; a design without any cell has none."""
    return "-" if value is None else f"{value:.2f}x"


def spread_text(mean: float, sd: float | None, digits: int, sign: str = "") -> str:
    """Return a mean with its standard deviation, if there is one."""
    text = f"{mean:{sign}.{digits}f}"
    return text if sd is None else f"{text} ± {sd:.{digits}f}"


def interval_text(loss: Json, digits: int) -> str:
    """Return a mean loss with its interval."""
    mean, low, high = (f"{loss[key]:+.{digits}f}" for key in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"


def loss_text(row: Json) -> str:
    """Return the loss in the worst cell with its 95 % interval, in the tasks' unit."""
    loss = row["loss"]
    if loss is None:
        return "-"
    return interval_text(loss, unit_digits(_test_unit(row["tests"])))


def unit(result: Json) -> str:
    """Return the unit of a search's margin and losses."""
    return common_unit(result["tasks"])


def _test_unit(tests: Sequence[Json]) -> str:
    """Return the unit of tests of one race; points for an evaluator of the user's own."""
    return common_unit([test["task"] for test in tests if test["task"] in tasks()])


def row_cost(row: Json, target: str, boundary: str, count: str) -> float | None:
    """Return one count per lane of a row, or None if it was not measured."""
    value = row["cost"].get(target, {}).get(boundary, {}).get(count)
    return None if value is None else float(value)


def _row_ratio(row: Json, target: str, boundary: str, count: str) -> float | None:
    value = row["ratio"].get(target, {}).get(boundary, {}).get(count)
    return None if value is None else float(value)


def compared(result: Json) -> list[tuple[str, Json]]:
    """Return the rows that every comparison shows, each with its name."""
    named = [("reference", result["reference"]), ("shared PRNG", result["reference_shared"])]
    named += [("papers", result["papers"]), ("papers-zero", result["papers_zero"])]
    if result["winner"] is not None:
        named.append(("winner", result["winner"]))
    return named


def grid(result: Json) -> list[tuple[str, str]]:
    """Return the (target, boundary) pairs that the reference was measured on."""
    return [
        (target, boundary)
        for target, boundaries in result["reference"]["cost"].items()
        for boundary in boundaries
    ]


def comparison_caption(result: Json) -> str:
    """Return what the numbers of `comparison` are."""
    # A result of an older version has no costs of units given cell by cell.
    both = "how many times with both given cell by cell for the target, " * ("helped" in result)
    return (
        "Per lane; in brackets how many times that the reference costs as plain RTL, "
        f"{both}and with one PRNG for all {result['lanes']} lanes on both sides"
    )


def helped_ratio(result: Json, row: Json, target: str, boundary: str, count: str) -> float | None:
    """Return the reference's count over a row's, both given cell by cell; None: not measured."""
    reference, own = (
        result.get("helped", {}).get(name, {}).get(target, {}).get(boundary, {}).get(count)
        for name in (result["reference"]["id"], row["id"])
    )
    return reference / own if reference and own else None


def _shares(result: Json, row: Json) -> bool:
    """Return whether a unit has one source for all lanes, as the reference with a shared PRNG."""
    return bool(parse(row["design"]).lanes == result["lanes"])


def _over(reference: float | None, cost: float | None) -> float | None:
    return reference / cost if cost and reference is not None else None


def comparison(result: Json) -> Table:
    """Return cost per lane and the ratios to the reference, by target and boundary.

    The count is the one that stands for the target (`esru.flow.ratio.headline`), whatever the
    search has minimised.
    """
    named = compared(result)
    header = ["target", "boundary", "count", *(name for name, _ in named)]
    rows = []
    for target, boundary in grid(result):
        count = headline(target)
        shared = row_cost(result["reference_shared"], target, boundary, count)
        cells = []
        for name, row in named:
            cost = row_cost(row, target, boundary, count)
            plain = ratio_text(_row_ratio(row, target, boundary, count))
            to_shared = ratio_text(_over(shared, cost) if _shares(result, row) else None)
            bare = name in ("reference", "shared PRNG")
            times = [plain, to_shared]
            if "helped" in result:
                times.insert(1, ratio_text(helped_ratio(result, row, target, boundary, count)))
            cells.append(number(cost) + ("" if bare else f" ({', '.join(times)})"))
        rows.append([target, boundary, count, *cells])
    return header, rows


def verdicts(result: Json) -> Table:
    """Return what became of the compared designs."""
    header = ["name", "design", "loss [95 %]", "seeds", "verdict", "why"]
    rows = []
    for name, row in compared(result):
        seeds = "-" if row["loss"] is None else str(row["loss"]["seeds"])
        if name == "shared PRNG":
            continue  # shown for its cost alone
        verdict = "" if name == "reference" else row["verdict"]
        rows.append(
            [name, short_design(row["design"]), loss_text(row), seeds, verdict, row["reason"]]
        )
    return header, rows


def contenders(result: Json) -> Table:
    """Return the closest contenders, cheapest first, and why each lost."""
    by_id = {row["id"]: row for row in result["rows"]}
    header = ["design", f"{result['objective']}/lane", "loss [95 %]", "seeds", "verdict", "why"]
    chosen = [by_id[name] for name in result["closest"]]
    return header, [_contender(result, row) for row in chosen]


def _contender(result: Json, row: Json) -> list[str]:
    cost = row_cost(row, result["target"], result["boundary"], result["objective"])
    seeds = "-" if row["loss"] is None else str(row["loss"]["seeds"])
    return [
        short_design(row["design"]),
        number(cost),
        loss_text(row),
        seeds,
        row["verdict"],
        row["reason"],
    ]


def summary(result: Json) -> list[str]:
    """Return the answer in sentences."""
    counts = result["counts"]
    asked = (
        f"{result['objective']} per lane on {result['target']}, boundary {result['boundary']}, "
        f"{result['lanes']} lanes"
    )
    searched = (
        f"{counts['points']} points, {counts['behaviours']} behaviours: {counts['costed']} costed, "
        f"{counts['raced']} raced, {counts['rejected']} rejected, {counts['undecided']} undecided, "
        f"{counts['accepted']} accepted"
    )
    winner = result["winner"]
    if winner is None:
        return [
            f"No unit of up to {result['bits']} bits is shown to lose less than "
            f"{result['margin']:g} {unit(result)} ({asked}).",
            searched,
        ]
    cost = row_cost(winner, result["target"], result["boundary"], result["objective"])
    lines = [f"{winner['design']}: {number(cost)} {asked}"]
    ratio = _row_ratio(winner, result["target"], result["boundary"], result["objective"])
    if ratio is not None:
        shared = row_cost(
            result["reference_shared"], result["target"], result["boundary"], result["objective"]
        )
        to_shared = ""
        if _shares(result, winner):
            times = ratio_text(_over(shared, cost))
            to_shared = f", {times} with one PRNG for all {result['lanes']} lanes"
        helped = helped_ratio(
            result, winner, result["target"], result["boundary"], result["objective"]
        )
        both = "" if helped is None else f", {ratio_text(helped)} with both given cell by cell"
        lines += [
            f"the 24-bit reference costs {ratio_text(ratio)} that as plain RTL{both}{to_shared}"
        ]
    lines += between_formats(result)
    return [*lines, loss_claim(result), confirmation(result), proof(result), searched]


def between_formats(result: Json) -> list[str]:
    """Return what to call the winner of a race on gradients, in a sentence; none of another's."""
    raced = [find_task(name) for name in result["tasks"] if find_task(name).gradients]
    if not raced:
        return []
    unit = trained_unit(raced[0], parse(result["winner"]["design"]))
    names = " and ".join(task.name for task in raced)
    return [f"it rounds the gradients of {names} as {short_design(unit)}: the same hardware"]


def confirmation(result: Json) -> str:
    """Return on which other tasks the winner was confirmed."""
    done = [entry for entry in result["confirmation"] if entry["confirmed"]]
    if not done:
        return "not confirmed on another task: every one that could was raced on"
    return "confirmed on " + ", ".join(map(_confirmed, done))


def _confirmed(entry: Json) -> str:
    name = _test_unit(entry["tests"])
    bound = max(test["bound"] for test in entry["tests"])
    return (
        f"{entry['task']} (loss below {bound:.{unit_digits(name)}f} of "
        f"{entry['margin']:g} {name} allowed, {entry['tests'][0]['seeds']} seeds)"
    )


def proof(result: Json) -> str:
    """Return what became of the checks of the winner's hardware, by level."""
    levels: dict[str, list[bool]] = {}
    for check in result["proof"]:
        levels.setdefault(check["level"], []).append(check["passed"])
    return "hardware checked: " + ", ".join(
        f"{level} {sum(passed)} of {len(passed)} passed" for level, passed in levels.items()
    )


def loss_claim(result: Json) -> str:
    """Return what may be claimed of the winner's accuracy."""
    bounds = [test["bound"] for test in result["winner"]["tests"]]
    seeds = result["winner"]["tests"][0]["seeds"]
    lost = f"{max(bounds):.{unit_digits(unit(result))}f} {unit(result)}"
    return (
        f"it loses at most {lost} in any of {len(bounds)} cells "
        f"({seeds} paired seeds, alpha {result['alpha']:g} over the whole search)"
    )


def counted_markdown(targets: Iterable[str]) -> str:
    """Return what the counts on some targets are, as it stands below a table on a page."""
    return "\n".join(["Cells:", "", *(f"- {line}" for line in caption(targets))])


def counted_link(anchor: str) -> str:
    """Return the line below a table of counts whose page has that list under a heading."""
    return f"[What a cell is and where the number is weak](#{anchor})."


def markdown(table: Table) -> str:
    """Return a table as Markdown."""
    header, rows = table
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_escape(line)) + " |" for line in lines)


def _escape(cells: Sequence[str]) -> list[str]:
    return [cell.replace("|", "\\|") for cell in cells]
