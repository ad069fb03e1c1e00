"""The digits data set that scikit-learn ships, and its fixed split."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from esru.train.random import SPLIT, permutations


@dataclass(frozen=True)
class Digits:
    """Images as integers 0..16, shape (examples, 64), and labels 0..9."""

    train_images: npt.NDArray[np.uint8]
    train_labels: npt.NDArray[np.int64]
    test_images: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.int64]


@cache
def load(train_examples: int, test_examples: int) -> Digits:
    """Return the digits, split at random once and for all."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = permutations(0, SPLIT, 1, len(labels))[0]
    images, labels = images.astype(np.uint8)[order], labels.astype(np.int64)[order]
    end = train_examples + test_examples
    assert end <= len(labels)
    return Digits(
        images[:train_examples],
        labels[:train_examples],
        images[train_examples:end],
        labels[train_examples:end],
    )
