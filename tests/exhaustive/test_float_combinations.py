"""Every rule with every source and every pair of float formats that can be built.

Inputs of 16 bits: every input with every word of the period; wider ones: inputs in every binade and
around it, with every word. The lists come from the catalogues, so that what is new there is covered
here. For all inputs of every width the proofs stand (tests/formal/test_float_formal.py).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from netlists import Drive, differences, streams

from esru.design import RULES, SOURCES, Design, parse
from esru.errors import InputError
from esru.float_formats import FLOAT_INPUTS, FLOAT_OUTPUTS, FLOAT_OVERFLOWS, MX_FORMATS
from esru.sources.settings import OPERANDS

#: Rounding and random bits: the first that fit rule, source and formats are taken.
SIZES = [(3, 2), (2, 1), (3, 0)]

#: Pairs that the contract rules out: rules that need random bits, with a source of none.
IMPOSSIBLE = {("replicate", "none"), ("select", "none")}

Pair = tuple[Design, Design]


def _built(rule: str, source: str, formats: str) -> Design | None:
    """Return the first design that can be built, with the shortest source."""
    lanes = ",lanes=2" if source in ("operand-neighbour", "operand-xor") else ""
    for (n, k), length in product(SIZES, ("", 2, 3)):
        text = f"{n}:{k}:{rule}:{source}{length}{lanes},{formats},boundary=unit"
        try:
            return parse(text)
        except InputError:
            continue
    return None


def _formats() -> list[str]:
    """Return every pair of formats between which there is a unit."""
    texts = (f"in={source},out={out}" for source, out in product(FLOAT_INPUTS, FLOAT_OUTPUTS))
    return [text for text in texts if _built("zero", "none", text)]


def combinations() -> list[Pair]:
    """Return every combination, each with the design that the model is asked for.

    The modes of overflow come in turn, and so do the scale's two places and, four to one, the
    output with its register and without; the source `port` has both modes.
    """
    found: list[Pair] = []
    for number, (formats, source, rule) in enumerate(product(_formats(), SOURCES, RULES)):
        design = _built(rule, source, formats)
        if design is None:
            continue
        modes = [mode for mode in FLOAT_OVERFLOWS
                 if _built("zero", "none", f"{formats},overflow={mode}")]  # fmt: skip
        for mode in modes if source == "port" else modes[number % len(modes) :][:1]:
            changed = replace(design, overflow=mode)
            if changed.input.name in MX_FORMATS and number % 2:
                changed = replace(changed, block=changed.lanes)
            key = replace(changed, source="port" if design.k else "none", block=0, lanes=1,
                          length=0, taps=0)  # fmt: skip
            if number % 5 == 4:
                changed = replace(changed, boundary="result")
            found.append((changed, key))
    return found


EVERY = combinations()


def _what(design: Design) -> tuple[str, str, str]:
    return design.rule, design.source, f"in={design.input},out={design.out_format}"


def test_the_list_is_the_whole_product() -> None:
    built = {_what(design) for design, _ in EVERY}
    missing = set(product(RULES, SOURCES, _formats())) - built
    assert {(rule, source) for rule, source, _ in missing} == IMPOSSIBLE
    assert len(_formats()) == 32
    for text in _formats():
        modes = {design.overflow for design, _ in EVERY if _what(design)[2] == text}
        assert modes == {mode for mode in FLOAT_OVERFLOWS
                         if _built("zero", "none", f"{text},overflow={mode}")}  # fmt: skip
    scaled = {(d.boundary, bool(d.block)) for d, _ in EVERY if d.input.name in MX_FORMATS}
    assert scaled == set(product(("result", "unit"), (False, True)))


def test_every_input_meets_every_word() -> None:
    """Counted for an operand source of each kind, on inputs of 16 bits."""
    for source in OPERANDS:
        design, key = next(pair for pair in EVERY
                           if pair[0].source == source and pair[0].input.width == 16)  # fmt: skip
        drive, size = Drive(design, key), len(streams(key))
        assert size == 1 << 16
        for lane in range(design.lanes):
            met = set()
            for cycle in range(len(drive.words)):
                bits = drive._word(cycle, lane)
                words = [sum((bit >> j & 1) << i for i, bit in enumerate(bits)) for j in range(64)]
                change = drive.change(cycle, lane)
                met |= {(j ^ change, word) for j, word in enumerate(words)}
            wanted = {(j, r) for j, r in product(range(64), range(1 << design.k))}
            own = {(j, j % (1 << design.k)) for j in range(64)}
            assert met >= (own if source == "operand-own" else wanted), source


def _sample() -> list[Pair]:
    """Return one design for each pair of formats, rules and sources in turn."""
    by_formats: dict[str, list[Pair]] = {}
    for pair in EVERY:
        by_formats.setdefault(_what(pair[0])[2], []).append(pair)
    return [pairs[7 * i % len(pairs)] for i, pairs in enumerate(by_formats.values())]


def test_every_rule_source_and_format_once(tmp_path: Path) -> None:
    chosen = _sample()
    rules, sources, formats = (
        set(names) for names in zip(*(_what(d) for d, _ in chosen), strict=True)
    )
    assert (rules, sources, formats) == (set(RULES), set(SOURCES), set(_formats()))
    assert not differences(chosen, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_source_and_format(rule: str, tmp_path: Path) -> None:
    assert not differences([pair for pair in EVERY if pair[0].rule == rule], tmp_path)


def test_a_fault_in_one_lane_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounding up although the fraction is 0, and an exponent that is one too small."""
    from amaranth.hdl import Const

    from esru.hdl import float_unit

    some = [pair for pair in EVERY if pair[0].source == "port"][::40]
    add = float_unit.add_round_up
    monkeypatch.setattr(float_unit, "add_round_up", lambda *args: Const(1, 1) | add(*args))
    found = differences(some, tmp_path)
    assert len(found) == len(some) and "x 0x" in found[0]
