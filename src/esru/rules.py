"""What a design's rule may be: names, and the checks of its rounding and random bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esru.decision_table import decision_table, is_table
from esru.errors import InputError
from esru.sources.settings import in_range, one_of

if TYPE_CHECKING:
    from esru.design import Design

MAX_ROUNDING_BITS = 32

#: Names of rules, each with a one-line summary; beside them a truth table is a rule.
RULES = {
    "zero": "add r << (n-k); the low n-k fraction bits cannot matter (P3109 StochasticA)",
    "half": "as zero, plus half a step of r; n > k (P3109 StochasticB; k = 0: round half up)",
    "nearest": "round the fraction to k bits, ties to even, then as zero (P3109 StochasticC)",
    "replicate": "add the bits of r repeated down all n bits",
    "select": "the leading zeros of r choose the fraction bit that decides; k = n-1",
}


def check_rule(design: Design) -> None:
    """Raise if a design's rule, or its numbers of bits, are impossible.

    Raises
    ------
    InputError
        Saying what it must be.
    """
    n, k, rule = design.n, design.k, design.rule
    in_range("Rounding bits (n)", 1, MAX_ROUNDING_BITS, n)
    in_range("Random bits (k)", 0, n, k)
    if is_table(rule):
        decision_table(rule, n, k)
        return
    one_of("Rule", (*RULES, "table-HEX"), rule)
    if rule == "half" and n <= k:
        raise InputError.must("Rounding bits (n) of rule half", f"above k ({k})", n)
    if rule == "replicate" and k == 0:
        raise InputError.must("Random bits (k) of rule replicate", "at least 1", 0)
    if rule == "select" and (k != n - 1 or k < 1):
        allowed = f"n-1 ({n - 1}) and at least 1"
        raise InputError.must("Random bits (k) of rule select", allowed, k)
