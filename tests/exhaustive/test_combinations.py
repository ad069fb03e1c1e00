"""Every rule with every source, lane map, boundary and format that can be built, exhaustively.

Inputs of up to 16 bits together with the random word: every input with every word of the period,
in every lane, hardware against model. The lists come from the catalogues, so that what is new
there is covered here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import compiled
import pytest
from compiled import Run, mismatch, outputs

from esru.design import BOUNDARIES, RULES, SOURCES, Design, parse
from esru.errors import InputError

#: Rounding bits and random bits, at the boundaries `decision` and `unit`.
SIZES = {
    "decision": [(8, 8), (8, 7), (8, 3), (8, 0)],
    "unit": [(6, 6), (6, 5), (6, 3), (6, 0)],
}
#: Input and output formats of a unit, ends that can be passed and ends that cannot.
FORMATS = ["in=s10.6,out=int4", "in=u9.6,out=uint3", "in=s10.6,out=uint3", "in=u10.6,out=int4"]

FORMS = ("fibonacci", "galois")
OVERFLOWS = ("saturate", "wrap")

#: Pairs that the contract rules out: rules that need random bits, with a source of none.
IMPOSSIBLE = {("replicate", "none"), ("select", "none")}

#: Designs in one program.
_BATCH = 64


def _shortest(head: str, k: int, tail: str) -> Design | None:
    """Return the design with the shortest source that can be built, or None."""
    for length in ("", *range(2, k + 2)):
        try:
            return parse(f"{head}{length}{tail}")
        except InputError:
            continue
    return None


def combinations(
    boundary: str,
    sizes: int | None = None,
    forms: Sequence[str] = FORMS[:1],
    formats: int | None = None,
    overflows: Sequence[str] = OVERFLOWS[:1],
) -> list[Design]:
    """Return designs: the first `sizes` that fit each rule and source, the first formats."""
    ends = [f",{text}" for text in FORMATS[:formats]] if boundary == "unit" else [""]
    found = []
    for rule, source in product(RULES, SOURCES):
        for form, end, overflow in product(forms, ends, overflows):
            tail = f"{end},overflow={overflow},boundary={boundary}"
            fitting = []
            for n, k in SIZES[boundary]:
                head = f"{n}:{k}:{rule}:{source}"
                # A source without forms is built once.
                fitting += [_shortest(head, k, f",form={form}{tail}") or _shortest(head, k, tail)]
            found += [design for design in fitting if design is not None][:sizes]
    return list(dict.fromkeys(found))


def _unequal(designs: list[Design], folder: Path) -> list[str]:
    """Return the first difference of every design that has one."""
    found = []
    for first in range(0, len(designs), _BATCH):
        batch = designs[first : first + _BATCH]
        place = folder / str(first)
        place.mkdir()
        pairs = zip(batch, outputs(batch, place), strict=True)
        found += [text for text in (mismatch(*pair) for pair in pairs) if text]
    return found


def test_every_boundary_has_sizes() -> None:
    assert set(SIZES) == set(BOUNDARIES)
    for boundary in BOUNDARIES:
        for design in combinations(boundary):
            assert design.k + Run(design).width <= 16


def test_every_rule_and_source(tmp_path: Path) -> None:
    """At the boundary `decision`, every size and form."""
    designs = combinations("decision", forms=FORMS)
    built = {(design.rule, design.source) for design in designs}
    assert built == set(product(RULES, SOURCES)) - IMPOSSIBLE
    assert {design.form for design in designs} == set(FORMS)
    assert not _unequal(designs, tmp_path)


def test_every_rule_source_and_format(tmp_path: Path) -> None:
    """At the boundary `unit`, with as many random bits as the rule takes."""
    designs = combinations("unit", sizes=1, overflows=OVERFLOWS)
    built = {(d.rule, d.source, f"in={d.input},out={d.out_format}") for d in designs}
    wanted = set(product(RULES, SOURCES)) - IMPOSSIBLE
    assert built == {(*pair, text) for pair, text in product(wanted, FORMATS)}
    assert {design.overflow for design in designs} == set(OVERFLOWS)
    assert not _unequal(designs, tmp_path)


@pytest.mark.slow
def test_every_size_and_form_of_units(tmp_path: Path) -> None:
    designs = combinations("unit", forms=FORMS, overflows=OVERFLOWS)
    assert not _unequal(designs, tmp_path)


def test_differences_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hardware of another rule, source or overflow than the model's."""
    true = compiled.emit_rtlil
    text = "6:3:half:lfsr3,seed={},in=s10.6,out=int4,boundary=unit"
    designs = [parse(text.format(seed)) for seed in (1, 2, 3, 4)]
    changes = [{"rule": "nearest"}, {"source": "plateau"}, {"overflow": "wrap"}, {}]
    wrong = {d: replace(d, **change) for d, change in zip(designs, changes, strict=True)}
    monkeypatch.setattr(
        compiled,
        "emit_rtlil",
        lambda wanted: true(wrong[wanted]).replace(wrong[wanted].id, wanted.id),
    )
    rule, source, overflow, none = map(mismatch, designs, outputs(designs, tmp_path))
    assert "cycle " in rule and "cycle " in source
    assert "expected 0x7, got 0x8" in overflow
    assert none == ""
