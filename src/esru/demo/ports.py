"""Serial ports: which there are, and opening one with errors that say what to do."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING, Any

from esru.errors import InputError, ToolMissing

if TYPE_CHECKING:
    import serial


def serial_module() -> Any:
    """Return pyserial.

    Raises
    ------
    ToolMissing
        If it is not installed.
    """
    try:
        import serial
    except ImportError:
        raise ToolMissing("pyserial", "pip install 'esru[board]'") from None
    return serial


def candidate_ports() -> list[str]:
    """Return a line for each serial port of this machine that is a real device."""
    serial_module()
    from serial.tools import list_ports

    found = []
    for port in sorted(list_ports.comports()):
        if port.vid is None and port.hwid in ("n/a", "", None):
            continue  # a legacy port that is probably not even wired
        usb = "" if port.vid is None else f" ({port.vid:04x}:{port.pid:04x} {port.description})"
        found.append(f"{port.device}{usb}")
    return found


def require_port(port: str | None) -> str:
    """Return the port, or raise with the ports that there are."""
    if port:
        return port
    found = candidate_ports()
    there = ", ".join(found) if found else "no USB serial port is connected"
    raise InputError.must("--port", f"given (found: {there})", "left out")


def open_port(port: str, baud: int) -> serial.Serial:
    """Open a port, 8N1, for this program alone.

    Raises
    ------
    InputError
        If it does not exist, is busy, or may not be opened.
    ToolMissing
        If pyserial is not installed.
    """
    module = serial_module()
    try:
        line = module.Serial(port, baud, timeout=0, exclusive=True)
    except (OSError, ValueError) as error:
        raise _unusable(port, baud, error) from None
    # An FTDI adapter otherwise collects bytes for 16 ms; others do not know the setting.
    with contextlib.suppress(AttributeError, NotImplementedError, OSError, ValueError):
        line.set_low_latency_mode(True)
    return line


def _unusable(port: str, baud: int, error: OSError | ValueError) -> InputError:
    """Return what to tell about a port that could not be opened."""
    number = getattr(error, "errno", None)
    if number in (errno.EACCES, errno.EPERM):
        rule = "one that you may open (sudo usermod -a -G dialout $USER, then log in again)"
        return InputError.must("Port", rule, f"{port}: permission denied")
    if number in (errno.EBUSY, errno.EAGAIN) or "lock" in str(error).lower():
        return InputError.must("Port", "free", f"{port}: another program has it open")
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        there = ", ".join(candidate_ports()) or "no USB serial port is connected"
        return InputError.must("Port", f"one that is there (found: {there})", port)
    return InputError.must("Port", f"a serial port that runs at {baud} baud", f"{port} ({error})")
