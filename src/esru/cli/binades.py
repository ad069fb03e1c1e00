"""The binades of a float unit, as JSON and as a table."""

from __future__ import annotations

from typing import Any

from esru.cli.terminal import print_table
from esru.design import Design


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
            "normal" if row["low"] >= out.least_exponent else "subnormal",
            str(row["dropped"]),
            f"k >= {row['exact_k']}" if row["exact_k"] else "always",
            f"{row['bias']:.3g}",
        ]
        for row in rows
    ]
    header = [what, "result", "dropped bits", "exact from", "greatest bias (ulp)"]
    print_table(header, table)
    least = rows[-1]["low"]
    if source.scale or source.decode(1) < 2.0**least:
        print(f"Below 2^{least} every {what} becomes 0: the unit looks at {design.n} bits.")
