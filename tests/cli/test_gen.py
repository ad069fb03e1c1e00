"""`esru gen`: the files, whole or nothing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from esru.cli import main
from esru.design import Design, parse
from esru.errors import ToolFailed


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_and_manifests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "deep" / "papers"
    assert main(["gen", "papers", "-o", str(out)]) == 0
    said = capsys.readouterr()
    design = parse("papers")
    names = [f"{design.id}.v", f"{design.id}.il", "interface.json", "manifest.json"]
    assert said.out.splitlines() == [str(out / name) for name in names]
    assert said.err.splitlines()[-1] == f"wrote 4 files to {out}; next: esru verify papers"
    assert _names(out) == sorted(names)

    manifest = json.loads((out / "manifest.json").read_text())
    assert list(manifest)[:2] == ["schema", "versions"]
    assert manifest["schema"] == "esru.gen/1"
    assert set(manifest["versions"]) == {"esru", "amaranth", "yosys"}
    assert manifest["design"] == str(design)
    assert manifest["id"] == design.id and manifest["behaviour"] == design.behaviour
    assert Design.from_json(manifest["parameters"]) == design
    assert set(manifest["files"]) == set(names[:3])
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest

    interface = json.loads((out / "interface.json").read_text())
    assert next(iter(interface)) == "schema" and interface["schema"] == "esru.interface/1"
    assert interface["module"] == f"esru_{design.id}"
    ports = [(port["name"], port["direction"], port["width"]) for port in interface["ports"]]
    assert ports == [
        ("clk", "input", 1),
        ("rst", "input", 1),
        ("en", "input", 1),
        ("frac", "input", 8),
        ("up", "output", 1),
    ]
    assert all(port["meaning"] for port in interface["ports"])
    numbers = [interface[key] for key in ("latency", "throughput", "lanes", "period")]
    assert numbers == [0, 1, 1, 14]


def test_an_array_at_the_unit_boundary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "8:3:zero:lfsr5,lanes=2,boundary=unit"
    assert main(["gen", text, "-o", str(tmp_path), "--lanes", "6", "--json"]) == 0
    said = capsys.readouterr()
    content = json.loads(said.out)
    assert list(content)[:2] == ["schema", "versions"]
    stem = f"{parse(text).id}_x6"
    assert content["module"] == f"esru_{stem}" and content["lanes"] == 6
    assert [source["phase"] for source in content["sources"]] == [0, 10, 20]
    assert (tmp_path / f"{stem}.v").exists()
    interface = json.loads((tmp_path / "interface.json").read_text())
    assert [port["width"] for port in interface["ports"]] == [1, 1, 1, 96, 48]
    assert (interface["latency"], interface["throughput"], interface["sources"]) == (1, 6, 3)


def test_the_default_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["gen", "nearest"]) == 0
    assert (tmp_path / "build" / parse("nearest").id / "manifest.json").exists()
    capsys.readouterr()


def _refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["gen", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1
    assert said.err.startswith("esru gen: error: ")
    return said.err


def test_nothing_is_replaced_without_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.json").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    with monkeypatch.context() as patch:
        # Refused before any work.
        patch.setattr("esru.flow.generate.emit_rtlil", None)
        error = _refused(capsys, "papers", "-o", str(tmp_path))
    assert "--force" in error and "manifest.json" in error
    assert (tmp_path / "manifest.json").read_text() == "mine"
    assert main(["gen", "papers", "-o", str(tmp_path), "--force"]) == 0
    assert json.loads((tmp_path / "manifest.json").read_text())["schema"] == "esru.gen/1"
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len(_names(tmp_path)) == 5


def test_folders_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    for folder in ("file", "file/below"):
        assert "can be written" in _refused(capsys, "papers", "-o", str(tmp_path / folder))
    assert _names(tmp_path) == ["file"]


@pytest.mark.parametrize("lanes", ["0", "3", "2000"])
def test_lanes_that_do_not_fit(
    lanes: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    error = _refused(capsys, "8:3:zero:lfsr5,lanes=2", "-o", str(out), "--lanes", lanes)
    assert "Lanes of the array must be " in error
    assert not out.exists()


def test_a_failure_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> str:
        raise ToolFailed("Yosys", "as asked")

    monkeypatch.setattr("esru.flow.generate.emit_verilog", fail)
    assert main(["gen", "papers", "-o", str(tmp_path / "out")]) == 4
    assert _names(tmp_path) == []
    capsys.readouterr()
    monkeypatch.undo()
    # A full disk while writing: neither a part nor an older version's loss.
    real = Path.write_text

    def full(self: Path, *arguments: str, **named: str) -> int:
        if self.name == "manifest.json":
            raise OSError(28, "No space left on device")
        return real(self, *arguments, **named)

    monkeypatch.setattr(Path, "write_text", full)
    for folder in (tmp_path / "out", tmp_path):
        assert "No space left on device" in _refused(capsys, "papers", "-o", str(folder))
    assert _names(tmp_path) == []
