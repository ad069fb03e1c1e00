"""No unit has a memory, so the part of a vendor's script that maps memories is left out."""

from __future__ import annotations


def without_memories(script: str, start: str, memories: str) -> tuple[str, ...]:
    """Return a vendor's script from a label on, without its mapping of memories to block RAM.

    Reading the vendor's block RAM takes longer than anything else in a small batch (measured:
    0.9 of 2.3 s on xc7). A module that does have a memory fails: it is not counted wrong.

    Parameters
    ----------
    script : str
        The ``synth_*`` command with its options.
    start : str
        The label to enter it at.
    memories : str
        The label to leave out, which ends at ``map_ffram``.
    """
    return (
        f"{script} -run {start}:{memories}",
        "select -assert-none t:$mem*",
        f"{script} -run map_ffram:",
    )
