"""Machine-found decisions: the searches against brute force, and the committed results."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scripts import script

from esru.decision_table import decision_table
from esru.design import parse
from esru.flow.cost import fabric_of
from esru.flow.formal import prove_design
from esru.flow.mapped import structure_reads
from esru.hdl.emit import emit_rtlil
from esru.hdl.table import find_joined, find_pair, support
from esru.rounding import probability_up
from esru.search import decisions
from esru.search.decision_bounds import least_wirings, lower_bound, open_divisions
from esru.search.decision_pairs import (
    Wiring,
    climb,
    columns_of,
    excluded,
    weigh,
    whole_weights,
    wirings,
)
from esru.search.decision_two import two_luts
from esru.search.decisions import check, laws, least_bias, measured, one_lut, with_source
from esru.search.found import FOUND as LISTED
from esru.search.found import JOINED

ROOT = Path(__file__).parents[2]
RESULT = json.loads((ROOT / "docs" / "results" / "decisions.json").read_text())
FOUND = [row for row in RESULT["rows"] if row["found"]]


def _page() -> ModuleType:
    return script("docs", "decisions_found")


@pytest.mark.parametrize(("words", "codes"), [(4, 1), (4, 2), (8, 3), (8, 4), (2, 4)])
def test_every_law_once(words: int, codes: int) -> None:
    every = {
        tuple(sorted(law, reverse=True))
        for law in product(range(words + 1), repeat=codes)
        if sum(law) == words
    }
    found = list(laws(words, codes))
    assert len(found) == len(every) and set(found) == every


def _greatest(up: dict[int, float], seen: int) -> float:
    """Return the greatest bias over 256 fractions, in 1/256 ulp, of P(up) by the highest bits."""
    return max(abs(256 * up[frac >> (8 - seen)] - frac) for frac in range(256))


@pytest.mark.parametrize(("seen", "code_bits", "k"), [(2, 1, 2), (2, 1, 3), (2, 1, 4), (1, 2, 2)])
def test_one_lut_against_every_function(seen: int, code_bits: int, k: int) -> None:
    """All truth tables of m fraction bits and s code bits with all laws: none has less bias."""
    (greatest, zone, _), law = decisions._best_law(seen, code_bits, k)
    codes, columns = 1 << code_bits, 1 << ((1 << seen) - 1)
    best = 256.0
    for weights in product(range((1 << k) + 1), repeat=codes):
        if sum(weights) != 1 << k:
            continue
        for sets in product(range(columns), repeat=codes):
            up = {0: 0.0}
            for f in range(1, 1 << seen):
                taken = sum(w for w, s in zip(weights, sets, strict=True) if s >> (f - 1) & 1)
                up[f] = taken / (1 << k)
            best = min(best, _greatest(up, seen))
    assert best == greatest
    table = decisions._closest(seen, k, law)
    design = with_source(table.n, k, table.rule, "uniform")
    assert measured(design).bias.max * 256 == greatest
    assert measured(design).dead_zone * 256 == zone


@pytest.mark.parametrize("width", [4, 6])
def test_one_lut_is_what_the_result_file_says(width: int) -> None:
    found = one_lut(width)
    check(found)
    (row,) = (row for row in FOUND if row["luts"] == found.name)
    assert row["design"] == str(found.design("shared"))
    assert row["bias"]["max_256"] == row["bound_256"] == found.greatest


@pytest.mark.parametrize("row", FOUND, ids=[row["luts"] for row in FOUND])
def test_committed_decisions(row: dict[str, object]) -> None:
    """The exact model says what the file says; a lane has no more LUTs than claimed."""
    design = parse(str(row["design"]))
    found = measured(design)
    bias = row["bias"]
    assert isinstance(bias, dict)
    assert float(found.bias.max * 256) == bias["max_256"]
    assert float(found.bias.mean * 256) == bias["mean_256"]
    assert found.bias.rms * 256 == pytest.approx(bias["rms_256"])
    assert float(found.dead_zone * 256) == row["dead_zone_256"]
    truth = tuple(decision_table(design.rule, design.n, design.k).ups().reshape(-1).tolist())
    count, width = str(row["luts"]).removesuffix(" + MUXF7").split(" LUT")
    if count == "1":
        assert len(support(truth)) <= int(width)
    elif "MUXF7" in str(row["luts"]):
        assert find_pair(truth, int(width)) is None
        joined = find_joined(truth, int(width))
        assert joined is not None and all(len(inputs) == 6 for inputs, _ in joined.halves)
    else:
        pair = find_pair(truth, int(width))
        assert pair is not None
        assert len(pair.first) <= int(width) and len(pair.second) < int(width)
    assert probability_up(design, 0) == 0
    # No rule with k uniform bits has a pointwise bias below 2^-(k+1), whatever comes below.
    assert bias["max_256"] / 256 >= 2.0 ** -(design.k + 1)


def test_the_list_of_what_was_found() -> None:
    every = LISTED | {"2 LUT6 + MUXF7": JOINED}
    listed = {luts: str(with_source(*core, "shared")) for luts, core in every.items()}
    assert listed == {row["luts"]: row["design"] for row in FOUND}


def test_what_is_found_is_better_than_what_is_made_by_hand() -> None:
    for row in RESULT["rows"]:
        (best,) = (one for one in FOUND if one["luts"] == row["luts"])
        keys = [
            (r["bias"]["max_256"], r["dead_zone_256"], r["bias"]["rms_256"]) for r in (best, row)
        ]
        assert keys[0] <= keys[1]


@pytest.mark.slow
def test_the_bound_of_two_lut4() -> None:
    """A wiring that reaches 15 is not excluded at 15, and is below; nor is m = 5 without bound."""
    wiring = Wiring(4, (0, 1), (2, 3), 2, 1)
    assert excluded(wiring, 14.999) is True
    assert excluded(wiring, 15.0) is False
    far = Wiring(5, (0, 1, 2), (3, 4), 1, 1)
    assert excluded(far, 14.999) is True
    assert excluded(far, 60.0) is False


def test_every_wiring_of_five_bits() -> None:
    """5 fraction bits: all splits between two LUT4, each with exactly two code bits."""
    every = list(wirings(4, 5))
    assert len(every) == 10 + 10 + 5
    assert all(w.p + w.t == 2 and len(w.first) + len(w.second) == 5 for w in every)


def test_what_counting_leaves_of_two_lut6() -> None:
    """The divisions that the argument goes through, and no other; the wirings that reach it."""
    assert open_divisions(6, 8, 86) == [(4, 4, 2, 1)]
    assert open_divisions(6, 7, 128) == [(3, 4, 3, 1), (4, 3, 2, 2), (4, 4, 2, 1)]
    assert lower_bound(6)[0] == 2
    assert len(list(least_wirings(6))) == 35 and len(list(least_wirings(4))) == 15
    (row,) = (row for row in FOUND if row["luts"] == "2 LUT6")
    assert row["bias"]["max_256"] == row["bound_256"] == 2


@pytest.mark.parametrize("second", range(3))
def test_as_many_sums_as_cells_in_small(second: int) -> None:
    """3 bits in sight, 2 inner codes, 2 modes: the sum of all weights is one too many.

    With the greatest bias below 31.5 cells have values of their own, 256 is in none. No
    resolution of the weights helps.
    """
    first = tuple(bit for bit in range(3) if bit != second)
    wiring = Wiring(3, first, (second,), 1, 1)
    assert excluded(wiring, 31.2) is True
    assert excluded(wiring, 32.0) is False


@pytest.mark.slow
def test_two_modes_have_few_forms_in_small() -> None:
    """2 inner codes and 2 modes, one bit before three: 8 parts of the second differ in no way."""
    assert excluded(Wiring(4, (3,), (0, 1, 2), 1, 1), 15.2) is True


def test_weights_of_a_chain() -> None:
    """The exact law of four bits in two LUT4, and with whole weights of 16ths."""
    wiring = Wiring(4, (0, 1), (2, 3), 2, 1)
    greatest, _, columns, weights = climb(wiring, 5)
    assert greatest == pytest.approx(15, abs=1e-6)
    assert weights.sum() == pytest.approx(256)
    found = whole_weights(4, columns, 4)
    assert found is not None and found[0] == 15
    assert sum(found[1]) == 16


def test_columns_are_the_two_luts() -> None:
    wiring = Wiring(3, (0, 2), (1,), 1, 1)
    rng = np.random.default_rng(8)
    inner, outer = rng.random((2, 4)) < 0.5, rng.random((2, 2, 2)) < 0.5
    columns = columns_of(wiring, inner, outer)
    for f, code, mode in product(range(8), range(2), range(2)):
        a = inner[code, (f & 1) | (f >> 2 & 1) << 1]
        assert columns[code + 2 * mode, f] == outer[mode, int(a), f >> 1 & 1]


def test_a_law_must_leave_the_fraction_0_alone() -> None:
    """Columns that round it up get no weight; where all do there is no law."""
    columns = np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    assert weigh(1, columns)[2][0] == pytest.approx(0, abs=1e-9)
    assert whole_weights(1, columns[:1], 3) is None


def test_least_bias_is_that_of_what_looks_like_zero() -> None:
    assert [least_bias(m) for m in (1, 4, 8)] == [127, 15, 0]


def test_the_page_is_fresh() -> None:
    for path, content in _page().generated().items():
        assert path.read_text(encoding="utf-8") == content, "run docs/decisions_found.py"


@pytest.mark.slow
def test_two_luts_are_found_again() -> None:
    found = two_luts(4)
    check(found)
    (row,) = (row for row in FOUND if row["luts"] == found.name)
    assert row["design"] == str(found.design("shared"))
    assert found.bound == found.greatest == row["bound_256"]


def test_a_lane_is_as_many_luts_as_it_says() -> None:
    """Given one by one; the code and the source are shared by the lanes."""
    for luts, (n, k, rule) in LISTED.items():
        count, width = luts.split(" LUT")
        fabric = fabric_of(f"lut{width}", "helped")
        text = emit_rtlil(with_source(n, k, rule, "shared"), fabric=fabric)
        assert text.count(f"cell \\esru_lut{width} ") == 64 * int(count)


@pytest.mark.parametrize(
    ("luts", "source"),
    [("1 LUT4", "lfsr5"), pytest.param("2 LUT4", "lfsr8", marks=pytest.mark.slow)],
)
def test_the_luts_of_a_lane_are_proved(luts: str, source: str, tmp_path: Path) -> None:
    rule = LISTED[luts]
    design = parse(f"{rule[0]}:{rule[1]}:{rule[2]}:{source},lanes=2")
    hardware = emit_rtlil(design, None, fabric_of("lut4", "helped"))
    check = prove_design(design, tmp_path, None, hardware, structure_reads(tmp_path, "lut4"))
    assert check.passed, check.detail
