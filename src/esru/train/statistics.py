"""Statistics of runs paired by seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from esru.errors import InputError


@dataclass(frozen=True)
class Summary:
    """Mean and sample standard deviation of `count` numbers; the latter is None of one."""

    count: int
    mean: float
    sd: float | None


def summarise(values: Sequence[float]) -> Summary:
    """Return the mean and the sample standard deviation (divisor n - 1).

    Raises
    ------
    InputError
        If there is no value.
    """
    if not len(values):
        raise InputError.must("Values", "at least one", "none")
    array = np.asarray(values, np.float64)
    sd = float(array.std(ddof=1)) if len(array) > 1 else None
    return Summary(len(array), float(array.mean()), sd)


@dataclass(frozen=True)
class PairedDifference:
    """Differences of runs that share seed, learning rate and schedule.

    Parameters
    ----------
    count : int
        Pairs n.
    mean : float
        Mean of candidate minus reference, in the task's unit (points of accuracy, nats): below 0
        is worse.
    sd : float or None
        Sample standard deviation of the differences; None of one pair.
    floor : float
        The least standard deviation that is believed: one test example, in that unit.
    """

    count: int
    mean: float
    sd: float | None
    floor: float

    @property
    def error(self) -> float | None:
        """Standard error of the mean, from the floored standard deviation."""
        return None if self.sd is None else max(self.sd, self.floor) / sqrt(self.count)

    def loss_bound(self, alpha: float) -> float | None:
        """Return the one-sided upper confidence bound of the loss (reference - candidate).

        The bound is -mean + t(1 - alpha, n - 1) * error: the candidate is not worse than a
        margin, at level alpha, exactly if the bound is below that margin.

        Parameters
        ----------
        alpha : float
            Level of the one-sided test, 0 < alpha < 1.

        Returns
        -------
        float or None
            The bound in that unit; None of one pair.

        Raises
        ------
        InputError
            If alpha is out of range.
        """
        if not 0 < alpha < 1:
            raise InputError.must("Alpha", "above 0 and below 1", alpha)
        if self.error is None:
            return None
        from scipy import stats

        return float(-self.mean + stats.t.ppf(1 - alpha, self.count - 1) * self.error)


def paired_difference(
    candidate: Sequence[float], reference: Sequence[float], floor: float
) -> PairedDifference:
    """Return the differences candidate - reference, paired by position.

    Parameters
    ----------
    candidate, reference : sequence of float
        Scores (`Task.score`: accuracies in percent, or minus losses), in the same order of seeds.
    floor : float
        What one test example is worth, `Task.one_example`.

    Raises
    ------
    InputError
        If the sequences are empty or of different lengths.
    """
    if len(candidate) != len(reference):
        rule = f"as many as those of the reference ({len(reference)})"
        raise InputError.must("Runs of the candidate", rule, len(candidate))
    found = summarise(np.subtract(candidate, reference).tolist())
    return PairedDifference(found.count, found.mean, found.sd, floor)
