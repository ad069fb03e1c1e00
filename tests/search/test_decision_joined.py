"""Two LUTs and a multiplexer: what the counting says against brute force, and the cells."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest

from esru.decision_table import decision_table
from esru.design import parse
from esru.flow.cost import fabric_of
from esru.flow.formal import prove_design
from esru.flow.mapped import structure_reads
from esru.hdl.emit import emit_rtlil
from esru.hdl.table import find_joined
from esru.search.decision_joined import LEAST_BIAS, LEAST_OFF, subset_sums, two_luts_and_mux
from esru.search.decisions import check, laws, measured
from esru.search.found import JOINED

#: The question in small: two LUT3 and a multiplexer for 4 dropped bits and 4 random bits.
BITS, WIDTH = 4, 3
FULL = 1 << BITS

TWO_LANES = parse(f"{JOINED[0]}:{JOINED[1]}:{JOINED[2]}:lfsr8,lanes=2")


@cache
def _values(seen: tuple[int, ...], law: tuple[int, ...], zero: bool = True) -> np.ndarray:
    """Return every P(up) over the fractions of a LUT that sees some bits, in 16ths.

    With `zero` it is 0 at the fraction 0.
    """
    sums = sorted(set(subset_sums(law)))
    maps = np.array(list(product([0] if zero else sums, *[sums] * ((1 << len(seen)) - 1))))
    place = [sum((f >> b & 1) << i for i, b in enumerate(seen)) for f in range(FULL)]
    return maps[:, place]


def _key(up: np.ndarray) -> tuple[int, int]:
    """Return the least greatest bias of some P(up), and the fewest that are off with it."""
    gaps = np.abs(up - np.arange(FULL))
    off = (gaps > 0).sum(axis=1)
    greatest = gaps.max(axis=1)
    row = np.lexsort((off, greatest))[0]
    return int(greatest[row]), int(off[row])


def _code_selects() -> Iterator[tuple[int, int]]:
    """Yield the best of each pair of inputs and each law, the multiplexer's select a code bit."""
    inputs = [s for many in (1, 2, 3) for s in combinations(range(BITS), many)]
    for first, second in combinations(inputs, 2):
        if len({*first, *second}) < BITS:
            continue  # a bit out of sight: half of the fractions are off
        codes = [1 << (WIDTH - len(seen)) for seen in (first, second)]
        for total in range(FULL + 1):
            for one, other in product(laws(total, codes[0]), laws(FULL - total, codes[1])):
                g, h = _values(first, one), _values(second, other)
                yield _key((g[:, None, :] + h[None, :, :]).reshape(-1, FULL))


def _bit_selects() -> Iterator[tuple[int, int]]:
    """Yield the best of each bit that selects, with each inputs and law of the LUT of its 1."""
    for select in range(BITS):
        half = np.array([f for f in range(FULL) if f >> select & 1])
        for many in (1, 2, 3):
            for seen in combinations([b for b in range(BITS) if b != select], many):
                for law in laws(FULL, 1 << (WIDTH - many)):
                    gaps = np.abs(_values(seen, law, False)[:, half] - half)
                    worst, off = gaps.max(axis=1), (gaps > 0).sum(axis=1)
                    row = np.lexsort((off, worst))[0]
                    yield int(worst[row]), int(off[row])


def test_the_counting_in_small() -> None:
    """As the argument says for 6 inputs and 8 bits: bias 1, and one place of the 4 is off."""
    assert min(_code_selects()) == (1, FULL >> (BITS // 2))
    # Half of the fractions alone, and already worse.
    assert min(_bit_selects()) > (1, FULL >> (BITS // 2))


def test_it_is_what_the_list_says() -> None:
    found = two_luts_and_mux()
    check(found)
    assert (found.table.n, found.table.k, found.table.rule) == JOINED
    assert found.table.weights == (128, 64, 32, 16, 9, 4, 2, 1)
    quality = measured(found.design("uniform"))
    assert quality.bias.max * 256 == LEAST_BIAS == found.bound
    # 16 of 256 fractions are off by 1.
    assert quality.bias.rms * 256 == pytest.approx((LEAST_OFF / 256) ** 0.5)
    assert quality.dead_zone * 256 == 1


def test_a_lane_is_two_luts_and_a_multiplexer() -> None:
    hardware = emit_rtlil(TWO_LANES, None, fabric_of("xc7", "helped"))
    assert hardware.count("cell \\LUT6 ") == 4 and hardware.count("cell \\MUXF7 ") == 2


@pytest.mark.slow
def test_the_cells_are_proved(tmp_path: Path) -> None:
    design = TWO_LANES
    hardware = emit_rtlil(design, None, fabric_of("xc7", "helped"))
    proof = prove_design(design, tmp_path, None, hardware, structure_reads(tmp_path, "xc7"))
    assert proof.passed, proof.detail


def test_a_function_of_too_many_inputs_is_not_joined() -> None:
    truth = tuple(bool(up) for up in decision_table(JOINED[2], 8, 8).ups().reshape(-1))
    assert find_joined(truth, 6) is not None
    assert find_joined(truth, 5) is None
    parity = tuple(bool(x.bit_count() & 1) for x in range(1 << 8))
    assert find_joined(parity, 6) is None
