"""SP 800-22 against NIST's own numbers, and on streams whose answer is known."""

from __future__ import annotations

import importlib.util
import itertools
import math

import numpy as np
import pytest

from esru.design import parse
from esru.errors import InputError, ToolMissing
from esru.sources import source_model
from esru.sp800_22 import LEVEL, sp800_22

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

#: SP 800-22 revision 1a, appendix B: the first million binary digits of e.
PUBLISHED = {
    "frequency": 0.953749,
    "block frequency": 0.211072,
    "cumulative sums": 0.669887,
    "runs": 0.561917,
    "rank": 0.306156,
    "spectral": 0.847187,
    "non-overlapping template": 0.078790,
    "overlapping template": 0.110434,
    "approximate entropy": 0.700073,
    "serial 1": 0.766182,
    "serial 2": 0.462921,
    "linear complexity": 0.826335,
}


#: The first 100 binary digits of pi, the examples' input in SP 800-22 revision 1a, section 2.
PI_DIGITS = (
    "11001001000011111101101010100010001000010110100011"
    "00001000110100110001001100011001100010100010111000"
)

#: The examples' p-values, each with its section.
EXAMPLES = {
    "frequency, 2.1.8": 0.109599,
    "block frequency (M = 10), 2.2.8": 0.706438,
    "runs, 2.3.8": 0.500798,
    "approximate entropy (m = 2), 2.12.8": 0.235301,
    "cumulative sums forward, 2.13.8": 0.219194,
    "cumulative sums reverse, 2.13.8": 0.114866,
}


def needs_library() -> None:
    pytest.importorskip("nist80022", reason="the extra study is not installed")


def digits_of_e(count: int) -> np.ndarray:
    """Return the first binary digits of e, by splitting the sum of 1/i! in two."""

    def split(low: int, high: int) -> tuple[int, int]:
        if high - low == 1:
            return 1, high
        middle = (low + high) // 2
        p, q = split(low, middle)
        r, s = split(middle, high)
        return p * s + r, q * s

    enough = (i for i in itertools.count(100, 100) if math.lgamma(i) > (count + 64) * math.log(2))
    p, q = split(0, next(enough))
    value = (p << count) // q + (1 << count)
    return np.array([int(digit) for digit in bin(value)[2 : 2 + count]], np.int64)


def test_the_digits_of_e() -> None:
    digits = digits_of_e(48)
    assert int("".join(map(str, digits)), 2) == math.floor(math.e * 2**46)


def test_the_examples_of_the_standard() -> None:
    needs_library()
    from nist80022.ApproximateEntropy import ApproximateEntropy
    from nist80022.CumulativeSum import CumulativeSums
    from nist80022.FrequencyTest import FrequencyTest
    from nist80022.RunTest import RunTest

    found = [
        FrequencyTest.monobit_test(PI_DIGITS),
        FrequencyTest.block_frequency(PI_DIGITS, block_size=10),
        RunTest.run_test(PI_DIGITS),
        ApproximateEntropy.approximate_entropy_test(PI_DIGITS, pattern_length=2),
        CumulativeSums.cumulative_sums_test(PI_DIGITS, 0),
        CumulativeSums.cumulative_sums_test(PI_DIGITS, 1),
    ]
    for ((_, value, _),), (name, published) in zip(found, EXAMPLES.items(), strict=True):
        assert value == pytest.approx(published, abs=1e-6), name


def test_the_spectral_example_is_two_peaks_off() -> None:
    """Section 2.6.8 prints 0.168669, for 46 peaks below the threshold: there are 48."""
    needs_library()
    from nist80022.Spectral import SpectralTest

    bits = 2.0 * np.array([int(digit) for digit in PI_DIGITS]) - 1
    threshold = math.sqrt(math.log(1 / 0.05) * 100)
    below = int((np.abs(np.fft.fft(bits))[:50] < threshold).sum())
    assert below == 48

    def value(peaks: int) -> float:
        """Return the p-value of so many peaks below the threshold, of 47.5 expected."""
        return math.erfc(abs(peaks - 47.5) / math.sqrt(100 * 0.95 * 0.05 / 4) / math.sqrt(2))

    assert value(46) == pytest.approx(0.168669, abs=1e-6)
    ((_, found, _),) = SpectralTest.spectral_test(PI_DIGITS)
    assert found == pytest.approx(value(below), abs=1e-9)


@pytest.mark.slow
def test_the_p_values_that_nist_published() -> None:
    needs_library()
    found = sp800_22(digits_of_e(1_000_000), serial_bits=16, entropy_bits=10)
    assert found.keys() == PUBLISHED.keys()
    for name, value in PUBLISHED.items():
        assert found[name] == pytest.approx(value, abs=1e-6), name


def test_a_small_lfsr_fails() -> None:
    needs_library()
    design = parse("4:3:half:lfsr13,leap=4")
    words = source_model(design).words(0, 40_000).astype(np.int64)
    short = sp800_22((words[:, None] >> np.arange(2, -1, -1) & 1).reshape(-1))
    # 3 interleaved sequences of one 13-bit register: linear complexity 39, not 250 of 500.
    assert short["linear complexity"] < 1e-10 and short["spectral"] < 1e-10
    assert short["frequency"] > LEVEL


@pytest.mark.slow
def test_a_good_generator_passes() -> None:
    needs_library()
    good = sp800_22(np.random.Generator(np.random.PCG64(1)).integers(0, 2, 100_000))
    # The seed is fixed, so this holds or it does not: 12 values, each below 0.001 once in 1000.
    assert min(good.values()) > 0.001


def test_what_cannot_be_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="Bits must be at least 100000, not 99999"):
        sp800_22(np.zeros(99_999, np.int64))
    with pytest.raises(InputError, match="Bits must be zeros and ones, not other numbers"):
        sp800_22(np.full(100_000, 2))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolMissing, match="pip install 'esru\\[study\\]'"):
        sp800_22(np.zeros(100_000, np.int64))


def test_an_unbalanced_stream_fails() -> None:
    needs_library()
    found = sp800_22((np.arange(100_000) % 8 == 0).astype(np.int64))
    assert found.keys() == PUBLISHED.keys()
    assert found["frequency"] == 0 and found["runs"] == 0
