"""USB devices of this machine as Linux shows them, and the udev rule that opens one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

#: What a program opens of a USB device: the device itself, its serial port, or its HID.
Node = Literal["usb", "tty", "hidraw"]

RULES_FILE = "/etc/udev/rules.d/60-esru.rules"
RELOAD = "sudo udevadm control --reload-rules && sudo udevadm trigger"

_SYSFS = Path("/sys/bus/usb/devices")
_DEV = Path("/dev")

#: Where a device's folder in sysfs names its nodes, by kind.
_NODES: dict[Node, tuple[str, ...]] = {
    "usb": (),
    "tty": ("*:*/tty/*", "*:*/ttyUSB*/tty/*"),
    "hidraw": ("*:*/*/hidraw/*",),
}


def find_nodes(
    ids: Sequence[str], kind: Node = "usb", sysfs: Path | None = None, dev: Path | None = None
) -> list[Path] | None:
    """Return the device files of the connected devices that have one of the USB ids.

    Parameters
    ----------
    ids : sequence of str
        USB ids ``vendor:product``.
    kind : {"usb", "tty", "hidraw"}
        Which of a device's files; a device without one of that kind gives its own.
    sysfs, dev : Path or None
        Where to look; None: where Linux has them.

    Returns
    -------
    list of Path or None
        One or more for each device; None where this system cannot tell.
    """
    sysfs, dev = sysfs or _SYSFS, dev or _DEV
    if not sysfs.is_dir():
        return None
    found = []
    for folder in sorted(sysfs.iterdir()):
        vendor, product = (_read(folder / name) for name in ("idVendor", "idProduct"))
        if f"{vendor}:{product}" not in ids:
            continue
        names = [path.name for pattern in _NODES[kind] for path in sorted(folder.glob(pattern))]
        if names:
            found += [dev / name for name in names]
        else:
            bus, number = (_read(folder / name) or "0" for name in ("busnum", "devnum"))
            found.append(dev / "bus" / "usb" / f"{int(bus):03d}" / f"{int(number):03d}")
    return found


def may_open(node: Path) -> bool:
    """Return whether this user may read and write a device file."""
    return os.access(node, os.R_OK | os.W_OK)


def udev_rules(ids: Sequence[str], title: str) -> str:
    """Return the lines for `RULES_FILE` that open devices to whoever sits at the machine.

    Members of ``plugdev``, Debian's group for this, may use them too, from anywhere. A serial port
    keeps its own group.
    """
    lines = [f"# {title}; without a group plugdev on your system leave GROUP out"]
    for name in ids:
        vendor, product = name.split(":")
        match = f'ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}"'
        lines += [
            f'SUBSYSTEM=="usb|hidraw", {match}, MODE="0660", GROUP="plugdev", TAG+="uaccess"',
            f'SUBSYSTEM=="tty", {match}, TAG+="uaccess"',
        ]
    return "\n".join(lines) + "\n"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
