"""What every test may take for granted."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest


def pytest_sessionstart() -> None:
    """Let an interrupt be one: a shell starts what runs in the background with SIGINT ignored.

    The programs that tests interrupt would inherit that, and never end.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let no test know, or leave behind, what the user's own runs have measured."""
    before = os.environ.get("ESRU_CACHE")
    os.environ["ESRU_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["ESRU_CACHE"]
    else:
        os.environ["ESRU_CACHE"] = before
