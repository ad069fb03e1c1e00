"""Paired statistics against scipy's own test and by hand."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from scipy import stats

from esru.errors import InputError
from esru.train.statistics import paired_difference, summarise


def test_the_bound_is_the_paired_t_test() -> None:
    """The bound equals a margin exactly where scipy's p-value equals alpha."""
    rng = np.random.default_rng(5)
    candidate, reference = rng.normal(95.0, 1.0, (2, 12))
    found = paired_difference(candidate.tolist(), reference.tolist(), floor=0.01)
    for alpha in (0.05, 0.001):
        margin = found.loss_bound(alpha)
        assert margin is not None
        test = stats.ttest_rel(candidate + margin, reference, alternative="greater")
        assert test.pvalue == pytest.approx(alpha)


def test_means_and_deviations() -> None:
    found = paired_difference([1.0, 2.0, 6.0], [0.0, 0.0, 0.0], floor=0.1)
    assert (found.count, found.mean) == (3, 3.0)
    assert found.sd == pytest.approx(sqrt(7.0))
    assert found.error == pytest.approx(sqrt(7.0 / 3))


def test_equal_runs_are_believed_to_one_test_example_only() -> None:
    found = paired_difference([95.0] * 4, [95.0] * 4, floor=0.11)
    assert found.sd == 0.0
    assert found.error == pytest.approx(0.055)
    bound = found.loss_bound(0.05)
    assert bound == pytest.approx(2.3533634348 * 0.055)  # t(0.95, 3), from a table


def test_one_pair_has_no_deviation() -> None:
    found = paired_difference([95.0], [94.0], floor=0.1)
    assert (found.mean, found.sd, found.error, found.loss_bound(0.05)) == (1.0, None, None, None)
    assert summarise([3.0]).sd is None


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match=r"Runs of the candidate must be as many as those of the"):
        paired_difference([1.0], [1.0, 2.0], 0.1)
    with pytest.raises(InputError, match="Values must be at least one, not none"):
        summarise([])
    with pytest.raises(InputError, match="Alpha must be above 0 and below 1, not 0"):
        paired_difference([1.0, 2.0], [1.0, 2.0], 0.1).loss_bound(0)
