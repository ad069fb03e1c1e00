"""Folders that are written whole or not at all; programs that end with us."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from esru.errors import InputError, ToolMissing
from esru.flow import process
from esru.flow.output import beside, refuse


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b"
    with beside(target, ("x",), False) as place:
        (place / "x").write_text("1")
        assert not target.exists()
    assert (target / "x").read_text() == "1"
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o777 & ~mask
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_nothing_stays_of_what_failed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), beside(tmp_path / "a" / "b") as place:
        (place / "x").write_text("1")
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_what_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "a"
    with pytest.raises(InputError, match="or --force given"), beside(target, ("x",), False) as one:
        (one / "x").write_text("late")
        with beside(target, ("x",), False) as two:
            (two / "x").write_text("first")
    assert (target / "x").read_text() == "first"
    with beside(target, ("x",), True) as three:
        (three / "x").write_text("forced")
    assert (target / "x").read_text() == "forced"
    with pytest.raises(InputError):
        refuse(target, ("x",), False)


def test_another_programs_folder_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / f".esru-{os.getpid()}"
    other.mkdir()
    with beside(tmp_path / "a") as place:
        assert place != other
    assert other.is_dir()


def test_an_error_of_the_work_is_its_own(tmp_path: Path) -> None:
    """It is not taken for a folder that cannot be written."""
    with pytest.raises(FileNotFoundError), beside(tmp_path / "a"):
        (tmp_path / "missing").read_text()


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match="no-such-program"):
        process.run(["no-such-program"], cwd=tmp_path, log=tmp_path / "log")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_build_leaves_nothing(number: int, code: int, tmp_path: Path) -> None:
    """Neither files nor tools that work on; sent to the program alone, not to its group."""
    build = "from esru.cli import main; raise SystemExit(main())"
    words = ["build", "papers", "--board", "icestick", "-o", str(tmp_path / "out" / "a")]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    child = subprocess.Popen(
        [sys.executable, "-c", build, *words],
        env=environment,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while child.poll() is None and not list(tmp_path.glob("out/.esru-*/*/build.log")):
        time.sleep(0.05)
    (work,) = (log.parent for log in tmp_path.glob("out/.esru-*/*/build.log"))
    child.send_signal(number)
    assert child.wait() == code
    assert child.stderr is not None and b"interrupted" in child.stderr.read()
    child.stderr.close()
    assert not list(tmp_path.iterdir())
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            assert str(work) not in str(link.readlink())
        except OSError:
            continue
