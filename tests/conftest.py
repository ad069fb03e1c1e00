"""What every test may take for granted."""

from __future__ import annotations

import signal


def pytest_sessionstart() -> None:
    """Let an interrupt be one: a shell starts what runs in the background with SIGINT ignored.

    The programs that tests interrupt would inherit that, and never end.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
