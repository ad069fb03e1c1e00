"""What stands under every table of counts: what was counted, and where that is weaker."""

from __future__ import annotations

from collections.abc import Iterable

from esru.flow.targets.registry import target


def caption(names: Iterable[str]) -> list[str]:
    """Return a line for each target, in order.

    Raises
    ------
    InputError
        If there is no such target.
    """
    lines = []
    for name in dict.fromkeys(names):
        recipe = target(name)
        weaker = f"; weaker: {recipe.weaker}" if recipe.weaker else ""
        lines.append(f"{name}: {recipe.counts}{weaker}")
    return lines
