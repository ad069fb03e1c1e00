"""What the ratio's page says that no unit of standard cells can save, from trying every circuit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from bound_cells import GATED, OSU018_ADDERS, OSU018_FLIP_FLOP, bound_cells
from marks import skip_without_library

from esru.design import parse
from esru.flow import carry_bound, carry_search, unit_bound
from esru.flow.targets import asic, nand2, osu018
from esru.rounding import round_up
from esru.scalar_rules import named_up

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "ratio.md").read_text(encoding="utf-8")
DECISION = (ROOT / "docs/decisions/0014-five-times-in-standard-cells.md").read_text("utf-8")

FLIP_FLOPS = {
    "nand2": nand2.EQUIVALENTS[nand2.FLIP_FLOP],
    "osu018": OSU018_FLIP_FLOP,
}

#: Of each target: a slice, the sign's, if all carries are free.
SLICES = {"nand2": (3.5, 2), "osu018": (63, 39)}

#: What the bits of a unit take on each target.
BITS = {
    "nand2": carry_bound.Bits(
        bit=((4.5, 5, 5, 5.5), (4, 4.5, 5, 5), (4, 4.5, 4.5, 5), (3.5, 4, 4.5, 5)),
        lowest=(4.5, 5, 5, 5.5),
        sign=(2.5, 2, 2, 2),
        cell=1,
        inverter=0.5,
        saving=1,
    ),
    "osu018": carry_bound.Bits(
        bit=((87, 92, 92, 106), (80, 85, 92, 101), (79, 85, 85, 101), (63, 79, 85, 101)),
        lowest=(100, 100, 109, 109),
        sign=(46, 39, 39, 39),
        cell=23,
        inverter=16,
        saving=7,
    ),
    "nand2-gated": carry_bound.Bits(
        bit=((4.5, 4.5, 4.5, 5), (3, 3.5, 4, 4.5), (2.5, 3.5, 4, 4), (2.5, 3, 4, 4)),
        lowest=(4, 4.5, 5, 5.5),
        sign=(1, 0, 0, 0),
        cell=1,
        inverter=0.5,
        saving=1,
    ),
    "osu018-gated": carry_bound.Bits(
        bit=((69, 78, 85, 85), (46, 62, 85, 85), (46, 62, 85, 85), (46, 62, 85, 85)),
        lowest=(82, 92, 92, 108),
        sign=(23, 0, 0, 0),
        cell=23,
        inverter=16,
        saving=7,
    ),
}

#: On so many bits of the fraction the decision depends, in turn.
FRACTION = 3


def _area(target: str, name: str) -> float:
    file = "gated" if target.endswith(GATED) else "ratio"
    rows = json.loads((ROOT / "docs" / "results" / f"{file}.json").read_text())["rows"]
    (found,) = (
        row["area"]
        for row in rows
        if (row["name"], row["target"], row["boundary"]) == (name, target, "unit")
        and row.get("structure", "plain") == "plain"
    )
    return float(found)


def _bound(ratio: float, digits: int = 2) -> str:
    """Return a bound on a ratio from above: rounded up."""
    return f"{-(-ratio * 10**digits // 1) / 10**digits:.{digits}f}x"


@pytest.mark.parametrize("target", BITS)
def test_what_no_unit_of_standard_cells_can_save(target: str) -> None:
    gated = target.endswith(GATED)
    flip_flop, saving = FLIP_FLOPS[target.removesuffix(GATED)], BITS[target].saving
    library = bound_cells(target)
    assert unit_bound.least_saving(library) == saving
    any_unit = 8 * flip_flop + ((8 if gated else 16) + FRACTION) * saving
    assert unit_bound.any_unit(library, flip_flop, FRACTION, gated=gated) == any_unit
    carried = [
        carry_bound.carried_unit(BITS[target], flip_flop, fraction)
        for fraction in (1, FRACTION, FRACTION + 1)
    ]
    assert carried[1] == carried[0] + 2 * saving and carried[2] == carried[1] + saving
    reference = _area(target, "reference")
    bounds = [reference / carried[1], reference / any_unit]
    found = reference / _area(target, "winner")
    # Five is out of reach of an upward unit, from three bits of the fraction on.
    assert found < bounds[0] < 5 < bounds[1]
    assert f"{found:.1f}x ({target})" in TEXT
    ratios = [_bound(bound, 3) for bound in bounds]
    cells = f"{reference:,g}", f"{carried[1]:,g}", f"{any_unit:,g}"
    row = (target, cells[0], cells[1], ratios[0], cells[2], ratios[1])
    assert "| " + " | ".join(row) + " |" in TEXT
    for area in carried:
        assert f"{area:,g}" in DECISION


@pytest.mark.parametrize("target", SLICES)
def test_slices_whose_carries_are_free(target: str) -> None:
    (slice_area, sign), flip_flop = SLICES[target], FLIP_FLOPS[target]
    free = unit_bound.upward_unit(bound_cells(target), flip_flop)
    assert free == 8 * flip_flop + 7 * slice_area + sign
    assert f"{free:,g}" in DECISION
    # With one bit of the fraction five is not out of reach.
    assert _area(target, "reference") / carry_bound.carried_unit(BITS[target], flip_flop) > 5


def test_with_either_output_something_has_to_carry() -> None:
    """Of the two constants that y_i can be the argument takes the one with which less carries."""
    many = carry_search.MANY
    least = BITS["osu018"].bit[many][many]
    found = carry_search.least_bit(bound_cells("osu018"), least + 1, carry_in=many, carry_out=many)
    assert found == least


@pytest.mark.slow  # Every circuit: a minute or two for each.
@pytest.mark.parametrize("target", BITS)
def test_what_the_bits_of_a_unit_take(target: str) -> None:
    gated = target.endswith(GATED)
    assert carry_bound.bits_of(bound_cells(target), BITS[target], gated) == BITS[target]


@pytest.mark.slow
@pytest.mark.parametrize("target", SLICES)
def test_the_bits_of_a_gated_unit_are_there(target: str) -> None:
    """Nothing smaller is no proof that anything was tried: circuits of these areas are found."""
    bits = BITS[target + GATED]
    none, one, both, many, lowest = (
        (a + 0.25, b + 0.25, c + 0.25, d + 0.25) for a, b, c, d in (*bits.bit, bits.lowest)
    )
    further = replace(bits, bit=(none, one, both, many), lowest=lowest)
    assert carry_bound.bits_of(bound_cells(target), further, gated=True) == bits


@pytest.mark.parametrize("suffix", ["", GATED])
def test_what_the_decision_says_of_bits(suffix: str) -> None:
    ours, theirs = (BITS[target + suffix] for target in SLICES)
    for name, areas in (
        ("none", (ours.bit[0], theirs.bit[0])),
        ("one", (ours.bit[1], theirs.bit[1])),
        ("both", (ours.bit[2], theirs.bit[2])),
        ("more", (ours.bit[3], theirs.bit[3])),
        ("bit 0, with its part of the decision", (ours.lowest, theirs.lowest)),
    ):
        cells = " | ".join(f"{one:g}, {other:g}" for one, other in zip(*areas, strict=True))
        assert f"| {name} | {cells} |" in DECISION


@pytest.mark.parametrize("target", SLICES)
def test_what_the_sign_takes(target: str) -> None:
    library, sign = bound_cells(target), BITS[target].sign
    # What carries in for nothing is the other bound's sign.
    assert sign[1] == sign[2] == sign[3] == SLICES[target][1]
    for carry_in, area in enumerate(sign):
        # No circuit is smaller, and one of this area there is.
        assert carry_search.least_sign(library, area, carry_in=carry_in) == area
        assert carry_search.least_sign(library, area + 1, carry_in=carry_in) == area


def test_what_the_page_says_of_bits() -> None:
    ours, theirs = BITS["nand2"], BITS["osu018"]
    none, one, _, more = list(zip(ours.bit, theirs.bit, strict=True))
    text = " ".join(TEXT.split())
    assert (
        f"takes at least {more[0][0]:g} (osu018: {more[1][0]:g}), with one {one[0][0]:g} "
        f"({one[1][0]:g}), with none {none[0][0]:g} ({none[1][0]:g}); with one cell that carries "
        f"out {none[0][1]:g} ({none[1][1]:g}) without a carry from below, with two that are alike "
        f"{none[0][3]:g} ({none[1][3]:g})."
    ) in text
    saved = [(count + FRACTION) * bits.saving for count in (16, 8) for bits in (ours, theirs)]
    assert (
        f"they save {saved[0]:g} ({saved[1]:g}), with a gated clock, where no y counts, "
        f"{saved[2]:g} ({saved[3]:g})."
    ) in text


def test_what_the_page_says_of_a_gated_clock() -> None:
    text = " ".join(TEXT.split())
    gated = [BITS[target + GATED] for target in SLICES]
    least = [
        carry_bound.carried_unit(bits, FLIP_FLOPS[target], FRACTION)
        for target, bits in zip(SLICES, gated, strict=True)
    ]
    assert (
        f"a bit takes {gated[0].bit[1][1]:g} ({gated[1].bit[1][1]:g}) with one carry in and one "
        f"out, and the unit {least[0]:,g} ({least[1]:,g})."
    ) in text
    unlike = [_area(target, "reference") / _area(target + GATED, "winner") for target in SLICES]
    assert f"saves {unlike[0]:.2f}x (nand2) and {unlike[1]:.2f}x (osu018)." in text
    decision = " ".join(DECISION.split())
    limits = [_area(target + GATED, "reference") / 5 for target in SLICES]
    assert f"A unit would have to fit into {limits[0]:,.1f} ({limits[1]:,.1f})." in decision
    any_unit = [
        unit_bound.any_unit(bound_cells(target), FLIP_FLOPS[target], FRACTION, gated=True)
        for target in SLICES
    ]
    assert f"three bits of the fraction: {any_unit[0]:g} ({any_unit[1]:g})." in decision
    assert f"with a gated clock {any_unit[0]:g} ({any_unit[1]:g})." in decision


def test_what_the_decision_says_of_one_and_two_bits_of_the_fraction() -> None:
    least = {
        target: [
            carry_bound.carried_unit(bits, FLIP_FLOPS[target.removesuffix(GATED)], fraction)
            for fraction in (1, 2)
        ]
        for target, bits in BITS.items()
    }
    (a, b), (c, d), _, (e, f) = least.values()
    text = " ".join(DECISION.split())
    assert (
        f"{a:g} and {b:g} ({c:,g} and {d:,g}) are no less than five times. "
        f"With a gated clock that is so for osu018 alone ({e:,g} and {f:,g})."
    ) in text
    most = {name: [_area(name, "reference") / one for one in least[name]] for name in BITS}
    assert f"them: {_bound(most['nand2'][0])} and {_bound(most['osu018'][0])}." in text
    assert {name for name in BITS if most[name][1] > 5} == {"nand2", "osu018", "osu018-gated"}
    assert most["nand2-gated"][0] < 5
    assert f"of {BITS['osu018'].bit[0][0]:g} with no carry cell no circuit was found" in text


def test_what_the_decision_says_of_adders() -> None:
    half, full = ([area for area, _ in shares] for shares in OSU018_ADDERS.values())
    said = f"carry and sum {half[0]} and {half[1]}, or {full[0]} and {full[1]})"
    assert said in " ".join(DECISION.split())


def test_what_the_decision_says_of_the_sign_and_of_saturation() -> None:
    ours, theirs = BITS["nand2"], BITS["osu018"]
    text = DECISION.replace("\n", " ")
    assert (
        f"{ours.sign[1]:g} ({theirs.sign[1]:g}) where a cell of x_6 carries in that is counted "
        f"elsewhere, {ours.sign[0]:g} ({theirs.sign[0]:g}) where none does"
    ) in text
    assert f"It is in no F_i: {ours.cell:g} ({theirs.cell:g})." in text


def _least_spoiled(library: tuple[unit_bound.Cell, ...]) -> float:
    """Return the least that a constant saves at a pin by which another pin does not matter."""
    savings = []
    for cell in library:
        for pin, constant in product(range(cell.pins), (0, unit_bound._ALL)):
            values = list(unit_bound._PATTERNS[: cell.pins])
            values[pin] = constant
            rest = cell.output(values) & unit_bound._ONE
            read = []
            for other in range(cell.pins):
                turned = list(values)
                turned[other] ^= 0 if other == pin else unit_bound._ALL
                read.append((cell.output(turned) & unit_bound._ONE) != rest)
            if 0 < sum(read) < cell.pins - 1:
                least = unit_bound.least_area(library, frozenset({rest}), cell.pins)
                savings.append(cell.area - least)
    return min(savings)


def test_what_is_open_if_a_pin_does_not_matter() -> None:
    spoiled = [_least_spoiled(bound_cells(target)) for target in SLICES]
    text = " ".join(DECISION.split())
    assert f"it takes {spoiled[0]:g} ({spoiled[1]:g}) at least" in text
    # Of nand2 it is what the bound counts.
    assert spoiled[0] == BITS["nand2"].cell
    left = [
        carry_bound.carried_unit(bits, OSU018_FLIP_FLOP, FRACTION) - bits.cell + spoiled[1]
        for bits in (BITS["osu018"], BITS["osu018-gated"])
    ]
    assert f"osu018 would be left at {left[0]:,g}, with a gated clock {left[1]:,g}." in text
    assert f"(else {left[0]:,g}, {_bound(_area('osu018', 'reference') / left[0])})" in TEXT


def _in_turn(up: npt.NDArray[np.bool_]) -> int:
    """Return on how many bits of the fraction a decision depends in turn.

    `up` has an axis of two for each fraction bit, then the random words. Whatever the bits before
    it are set to, the decision depends on the next; and whatever all but the last are, the rest can
    be set so that one word decides as the last does, and another never rounds up.
    """

    @cache
    def turns(fixed: tuple[int | None, ...]) -> int:
        left = up[tuple(slice(None) if bit is None else bit for bit in fixed)]
        free = [at for at, bit in enumerate(fixed) if bit is None]
        found = 0
        for axis, at in enumerate(free):
            low, high = np.moveaxis(left, axis, 0)
            follows, never = ~low & high, ~low & ~high
            if (follows.any(-1) & never.any(-1)).any():
                found = max(found, 1)
            if (low != high).any():
                rest = [turns((*fixed[:at], bit, *fixed[at + 1 :])) for bit in (0, 1)]
                found = max(found, min(rest) + 1 if all(rest) else 0)
        return found

    return turns((None,) * (up.ndim - 1))


def _ups(n: int, k: int, up: Callable[[int, int], bool]) -> npt.NDArray[np.bool_]:
    rows = [[up(f, word) for word in range(1 << k)] for f in range(1 << n)]
    return np.array(rows, bool).reshape((2,) * n + (1 << k,))


@pytest.mark.parametrize("rule", ["zero", "half", "nearest", "replicate", "select"])
def test_with_three_random_bits_three_bits_of_the_fraction_count(rule: str) -> None:
    for n in range(3, 7):
        for k in range(1, n + (rule not in ("half", "select"))):
            if rule == "select" and k != n - 1:
                continue
            turns = _in_turn(_ups(n, k, partial(named_up, rule, n, k)))
            assert min(k, FRACTION) <= turns <= n, (n, k)
    # And with one it may be one: what the bound asks is no matter of course.
    assert _in_turn(_ups(4, 1, partial(named_up, "zero", 4, 1))) == 1


def test_three_bits_of_the_fraction_count_in_every_unit_of_the_page() -> None:
    """In every one of int8 but the reference: its tables of 24 bits are too large."""
    rows = [
        row
        for name in ("ratio", "gated")
        for row in json.loads((ROOT / "docs" / "results" / f"{name}.json").read_text())["rows"]
    ]
    units = {parse(row["design"]) for row in rows if row["boundary"] == "unit"}
    rules = {(design.n, design.k, design.rule) for design in units if design.n <= 8}
    assert len(rules) >= 6
    for n, k, rule in rules:
        turns = _in_turn(_ups(n, k, partial(round_up, rule, n, k)))
        assert turns >= FRACTION, (n, k, rule)


@pytest.mark.library
def test_the_library_is_the_installed_one() -> None:
    skip_without_library()
    _, areas, gates = osu018._read(osu018.liberty())
    adders = [
        asic.Gate(name, area, "Y", function)
        for name, shares in OSU018_ADDERS.items()
        for area, function in shares
    ]
    assert unit_bound.cells([*gates, *adders]) == bound_cells("osu018")
    for name, shares in OSU018_ADDERS.items():
        assert sum(area for area, _ in shares) == areas[name]
    buffers = [gate.area for gate in gates if gate.function.strip("() ") == "A"]
    assert buffers and min(buffers) >= BITS["osu018"].cell
    assert nand2.EQUIVALENTS["BUF"] >= BITS["nand2"].cell
    assert min(areas[name] for name in areas if name.startswith("DFF")) == OSU018_FLIP_FLOP
