"""Which modules are synthesised by one Yosys process, and which packed by one nextpnr process."""

from __future__ import annotations

from collections.abc import Sequence

#: The most that a batch may be: characters of source times modules. Where ABC maps a module, Yosys
#: walks through the whole design, once for each module, so a batch's time grows with this product
#: (measured: 0.16 s a million, beside 0.3 s for any batch). Hence large modules come in small
#: batches, and what a count takes is the same however many there are.
BATCH_WORK = 2_000_000

#: The characters of source in the batches that are packed together. One nextpnr process takes
#: 0.5 s to begin; the memory for its netlists is what limits it.
CHIP_CHARACTERS = 600_000


def batches(lengths: Sequence[int]) -> list[list[int]]:
    """Return which modules are synthesised together: the shortest first.

    Parameters
    ----------
    lengths : sequence of int
        The characters of each module's source.

    Returns
    -------
    list of list of int
        Places in `lengths`, each once; no batch is empty.
    """
    found: list[list[int]] = []
    characters = 0
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        grown = characters + lengths[place]
        if not found or (len(found[-1]) + 1) * grown > BATCH_WORK:
            found.append([])
            grown = lengths[place]
        found[-1].append(place)
        characters = grown
    return found


def chips(found: Sequence[Sequence[int]], lengths: Sequence[int]) -> list[list[Sequence[int]]]:
    """Return which batches are packed together, in order; no chip is empty."""
    together: list[list[Sequence[int]]] = []
    characters = 0
    for batch in found:
        length = sum(lengths[place] for place in batch)
        characters += length
        if not together or characters > CHIP_CHARACTERS:
            together.append([])
            characters = length
        together[-1].append(batch)
    return together
