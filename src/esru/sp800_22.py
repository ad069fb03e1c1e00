"""NIST SP 800-22 on a stream of bits, by the package nist80022 (the extra ``study``).

No implementation of SP 800-22 in Python is kept up: the choice fell on the one that gives the
p-values that NIST itself publishes for the binary digits of e. Two of its tests do not (the
longest run calls what SciPy no longer has, Maurer's universal test picks its block length
wrongly) and are left out; so are the random excursions, which want a million bits.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from esru.errors import InputError, ToolMissing

INSTALL = "pip install 'esru[study]'"

#: A p-value below this is a failure, as in NIST's own report.
LEVEL = 0.01

#: Fewer bits than this do not suffice for the linear complexity and rank tests.
LEAST_BITS = 100_000

#: Pattern lengths of the serial test and of approximate entropy.
SERIAL_BITS, ENTROPY_BITS = 13, 10


def require_study() -> None:
    """Check that nist80022 is installed.

    Raises
    ------
    ToolMissing
        If it is not.
    """
    if importlib.util.find_spec("nist80022") is None:
        raise ToolMissing("nist80022", INSTALL, "is not installed")


def sp800_22(
    bits: npt.NDArray[np.integer],
    serial_bits: int = SERIAL_BITS,
    entropy_bits: int = ENTROPY_BITS,
) -> dict[str, float]:
    """Return the p-value of each test.

    Parameters
    ----------
    bits : ndarray of integers
        Zeros and ones, at least `LEAST_BITS`.
    serial_bits, entropy_bits : int
        Pattern lengths of the serial test and of approximate entropy.

    Returns
    -------
    dict of str to float
        By the test's name in SP 800-22; 0.0 where a statistic is too large for a number.

    Raises
    ------
    InputError
        If there are too few bits, or other numbers among them.
    ToolMissing
        If nist80022 is not installed.
    """
    if bits.size < LEAST_BITS:
        raise InputError.must("Bits", f"at least {LEAST_BITS}", bits.size)
    if not np.isin(bits, (0, 1)).all():
        raise InputError.must("Bits", "zeros and ones", "other numbers")
    require_study()
    text = (bits.astype(np.uint8) + ord("0")).tobytes().decode("ascii")
    found = {}
    # A stream of nearly equal bits drives some statistics to infinity.
    with np.errstate(all="ignore"):
        for names, test in _tests(serial_bits, entropy_bits):
            answer = test(text)
            # The runs test returns no list for a stream that is not even balanced.
            rows = answer if isinstance(answer, list) else [("", 0.0, False)]
            for name, (_, value, _) in zip(names, rows, strict=True):
                found[name] = float(value) if np.isfinite(value) else 0.0
    return found


def _tests(
    serial_bits: int, entropy_bits: int
) -> list[
    tuple[tuple[str, ...], Callable[[str], list[tuple[str, float, bool]] | tuple[float, bool]]]
]:
    from nist80022.ApproximateEntropy import ApproximateEntropy
    from nist80022.Complexity import ComplexityTest
    from nist80022.CumulativeSum import CumulativeSums
    from nist80022.FrequencyTest import FrequencyTest
    from nist80022.Matrix import Matrix
    from nist80022.RunTest import RunTest
    from nist80022.Serial import Serial
    from nist80022.Spectral import SpectralTest
    from nist80022.TemplateMatching import TemplateMatching

    return [
        (("frequency",), FrequencyTest.monobit_test),
        (("block frequency",), FrequencyTest.block_frequency),
        (("cumulative sums",), CumulativeSums.cumulative_sums_test),
        (("runs",), RunTest.run_test),
        (("rank",), Matrix.binary_matrix_rank_text),
        (("spectral",), SpectralTest.spectral_test),
        (("non-overlapping template",), TemplateMatching.non_overlapping_test),
        (("overlapping template",), TemplateMatching.overlapping_patterns),
        (
            ("approximate entropy",),
            lambda text: ApproximateEntropy.approximate_entropy_test(
                text, pattern_length=entropy_bits
            ),
        ),
        (
            ("serial 1", "serial 2"),
            lambda text: Serial.serial_test(text, pattern_length=serial_bits),
        ),
        (("linear complexity",), ComplexityTest.linear_complexity_test),
    ]
