"""Checks of what `round_tensor` is given: the unit, phase and lanes, and where it writes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from esru.design import MAX_LANES, Design
from esru.errors import InputError
from esru.formats import FixedFormat


def check_design(design: object) -> Design:
    """Return a design.

    Raises
    ------
    InputError
        If it is something else, such as a design's text.
    """
    if not isinstance(design, Design):
        raise InputError.must("Design", "a Design (see esru.design.parse)", repr(design))
    return design


def check_lanes(lanes: object) -> int:
    """Return the lanes of an array as an int.

    Raises
    ------
    InputError
        If they are no integer or out of range.
    """
    if isinstance(lanes, bool) or not isinstance(lanes, (int, np.integer)):
        raise InputError.must("Lanes of the array", "an integer", repr(lanes))
    if not 1 <= lanes <= MAX_LANES:
        raise InputError.must("Lanes of the array", f"between 1 and {MAX_LANES}", lanes)
    return int(lanes)


def check_phase(phase: object) -> int:
    """Return a phase as an int.

    Raises
    ------
    InputError
        If it is no integer or below 0.
    """
    if isinstance(phase, bool) or not isinstance(phase, (int, np.integer)):
        raise InputError.must("Phase", "an integer", repr(phase))
    if phase < 0:
        raise InputError.must("Phase", "at least 0", phase)
    return int(phase)


@lru_cache(maxsize=256)
def check_holds(design: Design, dtype: npt.DTypeLike, words: bool) -> None:
    """Refuse a type that cannot hold every output of a design.

    Parameters
    ----------
    design : Design
        The unit.
    dtype : data type
        Of the output array.
    words : bool
        Whether words go in; those of a float unit come out as bit patterns, not as values.

    Raises
    ------
    InputError
        Naming the type and the format.
    """
    kind, word = np.dtype(dtype), design.out_format
    if isinstance(word, FixedFormat):
        if np.issubdtype(kind, np.integer):
            low, high = int(np.iinfo(kind).min), int(np.iinfo(kind).max)
            fits = low <= word.low and word.high <= high
        elif np.issubdtype(kind, np.floating):
            fits = word.width - (word.low < 0) <= np.finfo(kind).nmant + 1
        else:
            fits = False
    elif words:
        fits = np.issubdtype(kind, np.integer) and np.iinfo(kind).max >= (1 << word.width) - 1
    else:
        fits = kind in (np.float32, np.float64)
    if not fits:
        raise InputError.must("Output array", f"of a type that holds every {word}", kind)


def check_unmasked(subject: str, values: object) -> None:
    """Refuse an array with a mask, of which rounding would know nothing.

    Raises
    ------
    InputError
        If it has one.
    """
    # NumPy imports its masked arrays when they are first asked for.
    if type(values) is not np.ndarray and isinstance(values, np.ma.MaskedArray):
        raise InputError.must(subject, "without a mask", "a masked array")


def check_array(design: Design, x: npt.NDArray[Any], out: object) -> npt.NDArray[Any]:
    """Return `out` if the outputs for `x` can be written there.

    Raises
    ------
    InputError
        If it is no array, masked, of another shape, read-only, or of a type that is too small.
    """
    if not isinstance(out, np.ndarray):
        raise InputError.must("Output array", "a NumPy array, as the input is", type(out).__name__)
    check_unmasked("Output array", out)
    if out.shape != x.shape:
        raise InputError.must("Output array", f"of shape {x.shape}", out.shape)
    if not out.flags.writeable:
        raise InputError.must("Output array", "writable", "read-only")
    check_holds(design, out.dtype, bool(np.issubdtype(x.dtype, np.integer)))
    return out
