"""Facts of an iCE40 configuration: ``python icebox_child.py ICEBOX QUESTION CONFIGURATION ...``.

Runs as a program of its own, because Project IceStorm's modules are not installed as a package:
ICEBOX is the folder that holds them. Prints JSON.

- ``faults CONFIGURATION PACKAGE PIN ...``: what `icebox_vlog` takes for granted and does not hold,
  as a list of texts. PIN are the pins of inputs.
- ``bits CONFIGURATION``: the configuration bits of known function in tiles that route signals.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Any

_BIT = re.compile(r"(!?)B(\d+)\[(\d+)\]")

#: What is at which place among the twenty bits of a logic cell; the others are the LUT's.
_CELL_BITS = {8: "carry", 9: "flip-flop", 18: "set or reset", 19: "asynchronous"}


def _tiles(ic: Any) -> Iterator[tuple[str, int, int, list[str]]]:
    """Go through the tiles that hold logic, pins or routing: kind, place and rows of bits."""
    groups = {
        "io": ic.io_tiles,
        "logic": ic.logic_tiles,
        "ramb": ic.ramb_tiles,
        "ramt": ic.ramt_tiles,
    }
    for kind, tiles in groups.items():
        for (x, y), rows in sorted(tiles.items()):
            yield kind, x, y, rows


def _active(icebox: Any, ic: Any, x: int, y: int, rows: list[str]) -> Iterator[list[Any]]:
    """Go through the connections that a tile makes."""
    config = icebox.tileconfig(rows)
    for entry in ic.tile_db(x, y):
        if entry[1] in ("buffer", "routing") and config.match(entry[0]):
            yield entry


def _set(icebox: Any, ic: Any, x: int, y: int, *name: str) -> bool | None:
    """Return whether a named setting of a tile is on; None if the tile has none of that name."""
    for entry in ic.tile_db(x, y):
        if tuple(entry[1:]) == name:
            return bool(icebox.tileconfig(ic.tile(x, y)).match(entry[0]))
    return None


def faults(icebox: Any, ic: Any, package: str, pins: list[str]) -> list[str]:
    """Return what keeps signals from where `icebox_vlog` takes them.

    Global nets reach a tile only through the buffer of its column, and a pin's input only through
    its input buffer; `icebox_vlog` connects them without looking at either.
    """
    found = []
    buffers = {(x, y): (at_x, at_y) for at_x, at_y, x, y in ic.colbuf_db()}
    for _, x, y, rows in _tiles(ic):
        for net in sorted({str(e[2]) for e in _active(icebox, ic, x, y, rows)}):
            if net.startswith("glb_netwk_"):
                at = buffers[x, y]
                if not _set(icebox, ic, *at, "ColBufCtrl", net):
                    found.append(f"no {net} in tile {x} {y}: its column's buffer is off")
    # The older chips switch an input off with the bit that switches it on in the others.
    on = ic.device not in ("384", "1k")
    places = {str(entry[0]): tuple(entry[1:4]) for entry in ic.pinloc_db(package)}
    enables = {tuple(entry[:3]): tuple(entry[3:]) for entry in ic.ieren_db()}
    for pin in pins:
        x, y, half = places[pin]
        at_x, at_y, at_half = enables[x, y, half]
        if _set(icebox, ic, at_x, at_y, "IoCtrl", f"IE_{at_half}") not in (on, None):
            found.append(f"the input buffer of pin {pin} off")
        for name in (("IoCtrl", "LVDS"), ("Icegate",)):
            if _set(icebox, ic, x, y, *name):
                found.append(f"{name[-1]} on at pin {pin}")
    return found


def bits(icebox: Any, ic: Any) -> list[dict[str, Any]]:
    """Return the bits of known function in tiles that make a connection."""
    found: dict[tuple[str, int, int, int, int], str] = {}
    for kind, x, y, rows in _tiles(ic):
        if next(_active(icebox, ic, x, y, rows), None) is None:
            continue
        for entry in ic.tile_db(x, y):
            if entry[1] in ("buffer", "routing") and not ic.tile_has_entry(x, y, entry):
                continue
            for text in entry[0]:
                match = _BIT.fullmatch(text)
                assert match is not None
                row, column = int(match[2]), int(match[3])
                found[kind, x, y, row, column] = _function(entry, row, column)
    rows_of = {(kind, x, y): rows for kind, x, y, rows in _tiles(ic)}
    keys = ("tile", "x", "y", "row", "column")
    return [
        dict(zip(keys, place, strict=True))
        | {"was": int(rows_of[place[:3]][place[3]][place[4]]), "function": function}
        for place, function in sorted(found.items())
    ]


def _function(entry: list[Any], row: int, column: int) -> str:
    """Return what a bit does."""
    if entry[1] in ("buffer", "routing"):
        return str(entry[1])
    if entry[1].startswith("LC_"):
        return _CELL_BITS.get(column - 36 + 10 * (row % 2), "LUT")
    return str(entry[1]) if entry[1] != "IoCtrl" else f"IoCtrl {entry[2].rstrip('_01')}"


def main(folder: str, question: str, configuration: str, *rest: str) -> None:
    """Answer one question."""
    sys.path.insert(0, folder)
    warnings.simplefilter("ignore")  # its regular expressions are not raw strings
    icebox = importlib.import_module("icebox")
    ic = icebox.iceconfig()
    ic.read_file(configuration)
    if question == "faults":
        answer: list[Any] = faults(icebox, ic, rest[0], list(rest[1:]))
    else:
        answer = bits(icebox, ic)
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
