"""The digits data set that scikit-learn ships, and its fixed split."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from esru.train.random import SPLIT, permutations


@dataclass(frozen=True)
class Digits:
    """Images less their mean as integers -16..16, shape (examples, 64), and labels 0..9.

    The mean of each pixel over the training images is rounded to an integer.
    """

    train_images: npt.NDArray[np.int8]
    train_labels: npt.NDArray[np.int64]
    test_images: npt.NDArray[np.int8]
    test_labels: npt.NDArray[np.int64]


@cache
def load(train_examples: int, test_examples: int) -> Digits:
    """Return the digits, centred, and split at random once and for all."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = permutations(0, SPLIT, 1, len(labels))[0]
    images, labels = images.astype(np.int64)[order], labels.astype(np.int64)[order]
    end = train_examples + test_examples
    assert end <= len(labels)
    # Sums of integers and one floor: no float whose last bit a machine could round otherwise.
    mean = (2 * images[:train_examples].sum(0) + train_examples) // (2 * train_examples)
    images = (images - mean).astype(np.int8)
    return Digits(
        images[:train_examples],
        labels[:train_examples],
        images[train_examples:end],
        labels[train_examples:end],
    )
