"""What every test may take for granted."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator

import pytest

#: What a test says that is skipped for want of the Liberty file.
_LIBRARY = "osu018_stdcells.lib"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail where a test without the mark `library` is skipped: CI would never run it."""
    report = yield
    needs = report.skipped and _LIBRARY in str(report.longrepr)
    if needs and item.get_closest_marker("library") is None:
        report.outcome = "failed"
        report.longrepr = f"A test that needs {_LIBRARY} must have the mark library"
    return report


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
