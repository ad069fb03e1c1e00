"""The binades of a float unit, as JSON and as a table."""

from __future__ import annotations

from typing import Any

from esru.cli.terminal import print_table
from esru.design import Design
from esru.sources.settings import OPERANDS


def binade_rows(design: Design) -> list[dict[str, Any]]:
    """Return what a float unit does in each group of binades, ready for JSON."""
    from esru.float_quality import binades

    return [
        {
            "low": found.low,
            "high": found.high,
            "dropped": found.dropped,
            "exact_k": found.dropped,
            "bias": float(found.bias),
        }
        for found in binades(design)
    ]


def print_binades(design: Design, rows: list[dict[str, Any]]) -> None:
    """Print the groups of binades with their magnitudes."""
    assert design.floats is not None
    source, out = design.floats
    what = "quotient" if source.scale else "magnitude"
    print(f"\n{source} to {out}: bits below the output's ulp, by binade of the {what}\n")
    table = [
        [
            f"2^{row['low']} to 2^{row['high'] + 1}",
            _result(row, out.least_exponent),
            str(row["dropped"]),
            f"k >= {row['exact_k']}" if row["exact_k"] else "always",
            f"{row['bias']:.3g}",
        ]
        for row in rows
    ]
    header = [what, "result", "dropped bits", "exact from", "greatest bias (ulp)"]
    print_table(header, table)
    for line in _notes(design, rows):
        print(line)
    least = rows[-1]["low"]
    if source.scale or source.decode(1) < 2.0**least:
        print(f"Below 2^{least} every {what} becomes 0: the unit looks at {design.n} bits.")


def _result(row: dict[str, Any], least: int) -> str:
    """Return what the results in a group of binades are."""
    if row["low"] >= least:
        return "normal"
    return "subnormal" if row["high"] < least else "normal, subnormal"


def _notes(design: Design, rows: list[dict[str, Any]]) -> list[str]:
    """Return what the table's columns stand on, a line each."""
    assert design.floats is not None
    source, _ = design.floats
    exact = [row for row in rows if row["exact_k"] <= design.k]
    here = "in no binade above" if not exact else "in every binade above"
    if exact and len(exact) < len(rows):
        first, last = exact[0]["high"] + 1, exact[-1]["low"]
        here = f"from 2^{last} to 2^{first}"
    notes = [
        f"Exact: P(up) is the dropped part itself, of k uniform random bits; here n = {design.n}, "
        f"k = {design.k}: {here}."
    ]
    if source.scale:
        notes.append("Of an input that is subnormal before the division fewer bits are dropped.")
    if design.source in OPERANDS:
        notes.append(f"The random word is made of the {design.k} lowest bits of the input word.")
    return notes
