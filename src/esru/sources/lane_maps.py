"""Lane maps: what each of the lanes that share a source sees of its word.

Lane i of a source (0 <= i < ``lanes``) sees the source's k-bit word

- ``same``: as it is;
- ``rotate``: rotated left by i mod k;
- ``permute``: with its bits in another order, permutation number i mod k! of the places
  0..k-1 in lexicographic order: bit b of the lane's word is bit p[b] of the source's, 0 the
  lowest. Neighbouring numbers differ in their last places, which are the word's top bits, those
  that matter most;
- ``invert``: inverted if i is odd;
- ``complement``: inverted, in every lane. As up iff f + ~r >= 2^n is up iff r < f, that is the
  comparator of shipped units (`zero`, n = k), and its bias: never the greatest word, not never 0;
- ``delay``: as it was i words ago. The words before the first are those at the period's end.

But for ``complement``, lane 0 sees the word itself. A map acts on the word, before the rule looks
at it; for `select` too, whose index each lane then derives from its own word.
"""

from __future__ import annotations

from math import factorial

import numpy as np
import numpy.typing as npt

#: Map names, each with a one-line summary.
MAPS = {
    "same": "every lane sees the source's word",
    "rotate": "lane i sees the word rotated left by i mod k",
    "permute": "lane i sees the word's bits in permutation number i mod k!, lexicographic",
    "invert": "lanes of odd i see the inverted word",
    "complement": "every lane sees the inverted word: the comparator r < f",
    "delay": "lane i sees the word of i steps ago",
}


def variant(name: str, width: int, lane: int) -> int:
    """Return the number of what a lane sees: lanes of one number see the same word.

    Parameters
    ----------
    name : str
        One of `MAPS`.
    width : int
        Bits k of a word, at least 1.
    lane : int
        Lane i of its source, >= 0.
    """
    if name == "rotate":
        return lane % width
    if name == "permute":
        return lane % factorial(width)
    if name == "invert":
        return lane % 2
    if name == "complement":
        return 1
    return lane if name == "delay" else 0


def canonical_map(name: str, width: int, lanes: int) -> str:
    """Return the simplest map under which all `lanes` lanes see the same as under this one."""
    if name == "complement":
        return name if width else "same"
    if lanes == 1 or (width <= 1 and name in ("rotate", "permute")):
        return "same"
    return "rotate" if name == "permute" and width == 2 else name


def permutation(number: int, size: int) -> tuple[int, ...]:
    """Return permutation `number` of 0..size-1 in lexicographic order, by its factorial digits."""
    left = list(range(size))
    chosen = []
    for place in range(size - 1, -1, -1):
        digit, number = divmod(number, factorial(place))
        chosen.append(left.pop(digit))
    return tuple(chosen)


def places(name: str, width: int, number: int) -> tuple[int, ...]:
    """Return, for each bit of a lane's word from the lowest, the source's bit that it is.

    Parameters
    ----------
    name : str
        One of `MAPS`.
    width : int
        Bits k of a word.
    number : int
        What `variant` returned.
    """
    if name == "rotate":
        return tuple((bit - number) % width for bit in range(width))
    return permutation(number if name == "permute" else 0, width)


def map_word(name: str, width: int, number: int, word: int) -> int:
    """Return a word as a lane sees it; a delay is not the word's matter: the word itself."""
    if name in ("invert", "complement"):
        return word ^ ((1 << width) - 1) if number else word
    return sum((word >> bit & 1) << i for i, bit in enumerate(places(name, width, number)))


def map_words(
    name: str, width: int, number: int, words: npt.NDArray[np.uint32]
) -> npt.NDArray[np.uint32]:
    """Return many words as a lane sees them: the vectorised twin of `map_word`."""
    if not number or name == "delay":
        return words
    if name in ("invert", "complement"):
        return words ^ np.uint32((1 << width) - 1)
    if name == "rotate":
        high = words << np.uint32(number) & np.uint32((1 << width) - 1)
        return high | words >> np.uint32(width - number)
    seen = np.zeros_like(words)
    for i, bit in enumerate(places(name, width, number)):
        seen |= (words >> np.uint32(bit) & np.uint32(1)) << np.uint32(i)
    return seen
