"""What `esru program` refuses to load, before any programmer is looked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import stand_in_programmers as stand_in

from esru.cli import main
from esru.errors import InputError
from esru.flow.boards import BOARDS
from esru.flow.dfu import add_suffix
from esru.flow.loadable import read_loadable


def _refused(message: str, path: Path, board: str | None = None) -> None:
    with pytest.raises(InputError) as caught:
        read_loadable(path, board)
    assert message in str(caught.value)
    arguments = ["program", str(path), "--dry-run", *(["--board", board] if board else [])]
    assert main(arguments) == 2


@pytest.mark.parametrize("name", BOARDS)
def test_a_bitstream_fits_its_own_chip_alone(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{BOARDS[name].suffix}"
    path.write_bytes(stand_in.bitstream(BOARDS[name]))
    assert read_loadable(path, name).manifest is None
    _refused("--board must be given for a bitstream without its build folder", path)
    chip = BOARDS[name].device.rpartition("-")[0].replace("LP8K", "HX8K")
    for other in BOARDS.values():
        if other.device.rpartition("-")[0].replace("LP8K", "HX8K") != chip:
            _refused("must be ", path, other.name)


def test_what_is_not_what_was_built(tmp_path: Path) -> None:
    board = BOARDS["icebreaker"]
    path = stand_in.build_folder(tmp_path / "build", board)
    assert read_loadable(path.parent) == read_loadable(path) == read_loadable(path, board.name)
    _refused("--board must be icebreaker, which", path, "icestick")
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    _refused("Bitstream must be the one that was built (sha256", path)
    _refused("Bitstream must be the one that was built (sha256", path.parent)
    path.unlink()
    _refused("No such file", path.parent)
    _refused("What to load must be a bitstream, or a folder", tmp_path / "nothing")
    _refused("Folder must be one that esru build wrote", tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "esru.bitstream/2"}, "Manifest must be of schema esru.bitstream/1"),
        ({"schema": "esru.gen/1"}, "Manifest must be of schema"),
        ({"board": "arty"}, "Manifest must be whole"),
        ({"board": ["icestick"]}, "Manifest must be whole"),
        ({"bitstream": "../x.bin"}, "Manifest must be whole"),
        ({"bitstream": None}, "Manifest must be whole"),
        ({"files": {}}, "Manifest must be whole"),
        ({"fmax_mhz": "fast"}, "Manifest must be whole"),
        ({"clock_hz": None}, "Manifest must be whole"),
    ],
)
def test_damaged_manifests(change: dict[str, object], message: str, tmp_path: Path) -> None:
    path = stand_in.build_folder(tmp_path / "build", BOARDS["icestick"], **change)
    _refused(message, path.parent)


def test_manifests_that_are_no_json(tmp_path: Path) -> None:
    path = stand_in.build_folder(tmp_path / "build", BOARDS["icestick"])
    (path.parent / "manifest.json").write_text("{")
    _refused("Manifest must be readable JSON", path.parent)
    (path.parent / "manifest.json").write_text("[]")
    _refused("Manifest must be a JSON object", path.parent)


def test_wrong_suffixes_and_foreign_files(tmp_path: Path) -> None:
    for board in BOARDS.values():
        wrong = {".bin": ".bit", ".bit": ".fs", ".fs": ".bin"}[board.suffix]
        path = tmp_path / f"x{wrong}"
        path.write_bytes(stand_in.bitstream(board))
        _refused(f"Bitstream for {board.name} must be a {board.suffix}", path, board.name)
        path = tmp_path / f"x{board.suffix}"
        for content in (b"", b"hello\n" * 100, bytes(5000)):
            path.write_bytes(content)
            _refused("it does not begin like", path, board.name)


def test_dfu_files(tmp_path: Path) -> None:
    board = BOARDS["orangecrab"]
    plain = stand_in.bitstream(board)[:-16]
    path = tmp_path / "x.dfu"
    path.write_bytes(add_suffix(plain, 0x1209, 0x5AF0))
    assert read_loadable(path, "orangecrab").warnings == ()
    path.write_bytes(add_suffix(plain, 0x1D50, 0x614B))
    message = f"must be a DFU file for USB device 1209:5af0, not {path}, a DFU file for 1d50:614b"
    _refused(message, path, "orangecrab")
    path.write_bytes(plain)
    (warning,) = read_loadable(path, "orangecrab").warnings
    assert "has no DFU suffix" in warning
    # The Colorlight has the same chip and no such bootloader.
    path = tmp_path / "x.bit"
    path.write_bytes(add_suffix(plain, 0x1209, 0x5AF0))
    _refused("must be no DFU file", path, "colorlight-5a75b")


def test_a_missed_clock_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = stand_in.build_folder(tmp_path / "build", BOARDS["ulx3s-12f"], fmax_mhz=24.5)
    (warning,) = read_loadable(path.parent).warnings
    assert warning.startswith("the build missed its clock: Fmax 24.5 MHz, clock 25 MHz")
    main(["program", str(path.parent), "--dry-run"])
    assert f"warning: {warning}" in capsys.readouterr().err
    path = stand_in.build_folder(tmp_path / "unknown", BOARDS["ulx3s-12f"], fmax_mhz=None)
    assert read_loadable(path.parent).warnings == ()


def test_a_manifest_of_another_file_is_left_alone(tmp_path: Path) -> None:
    path = stand_in.build_folder(tmp_path / "build", BOARDS["icebreaker"])
    other = path.with_name("other.bin")
    other.write_bytes(stand_in.bitstream(BOARDS["icestick"]))
    assert read_loadable(other, "icestick").manifest is None
    assert json.loads((path.parent / "manifest.json").read_text())["board"] == "icebreaker"
