"""The suffix of files for USB device firmware upgrade (DFU 1.1, appendix B)."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

#: Device release, product, vendor, DFU version, signature, length; the CRC follows.
_LAYOUT = struct.Struct("<HHHH3sB")
_SIGNATURE = b"UFD"
_VERSION = 0x0100
_LENGTH = _LAYOUT.size + 4
#: A device release of all ones fits every device.
_ANY_RELEASE = 0xFFFF


@dataclass(frozen=True)
class Suffix:
    """What a DFU file says it is for: USB vendor and product."""

    vendor: int
    product: int


def add_suffix(content: bytes, vendor: int, product: int) -> bytes:
    """Return the content with a DFU suffix for a USB vendor and product appended."""
    head = content + _LAYOUT.pack(_ANY_RELEASE, product, vendor, _VERSION, _SIGNATURE, _LENGTH)
    return head + struct.pack("<I", _crc(head))


def read_suffix(content: bytes) -> Suffix | None:
    """Return what a file's DFU suffix says; None if it has none, or one that is damaged."""
    if len(content) < _LENGTH:
        return None
    (crc,) = struct.unpack("<I", content[-4:])
    _, product, vendor, version, signature, length = _LAYOUT.unpack(content[-_LENGTH:-4])
    if (version, signature, length) != (_VERSION, _SIGNATURE, _LENGTH):
        return None
    return Suffix(vendor, product) if crc == _crc(content[:-4]) else None


def _crc(content: bytes) -> int:
    """Return the CRC-32 of IEEE 802.3 without its final inversion."""
    return zlib.crc32(content) ^ 0xFFFFFFFF
