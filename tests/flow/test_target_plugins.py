"""Targets of other packages: the one of docs/targets.md, and those that are refused."""

from __future__ import annotations

import json
import re
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

from esru.cli import main
from esru.errors import InputError
from esru.flow.targets import all_targets, origin, target

PAGE = Path(__file__).resolve().parents[2] / "docs" / "targets.md"


class Packages:
    """A folder on sys.path in which distributions are installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules: list[str] = []

    def install(self, name: str, module: str, text: str, entries: dict[str, str]) -> None:
        (self.folder / f"{module}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        self.modules.append(module)
        info = self.folder / f"{name.replace('-', '_')}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        lines = [f"{entry} = {place}" for entry, place in entries.items()]
        (info / "entry_points.txt").write_text("\n".join(["[esru.targets]", *lines, ""]))


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Packages:
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Packages(tmp_path)
    yield made
    for module in made.modules:
        sys.modules.pop(module, None)


def plain(name: str) -> str:
    return f"""
        from esru.flow.targets import Target
        T = Target(name="{name}", summary="s", counts="LUTs of three inputs", lut=("$lut",),
                   synthesis=("synth -lut 3 -run coarse:",))
    """


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_pages_target_is_listed_and_costed(
    packages: Packages, capsys: pytest.CaptureFixture[str]
) -> None:
    (module,), (toml,) = blocks("python"), blocks("toml")
    project = tomllib.loads(toml)["project"]
    entries = project["entry-points"]["esru.targets"]
    packages.install(project["name"], "esru_nexus", module, entries)
    assert main(["list", "targets"]) == 0
    assert "Lattice Nexus" in capsys.readouterr().out
    arguments = ["3:3:zero:lfsr3", "--target", "nexus,lut6", "--boundary", "decision", "--json"]
    assert main(["cost", *arguments]) == 0
    cost = json.loads(capsys.readouterr().out)["cost"]
    # Three flip-flops; the decision and the feedback are LUTs.
    assert cost["nexus"]["decision"]["ff"] == 3
    assert cost["nexus"]["decision"]["cells"] >= cost["nexus"]["decision"]["lut"] >= 2


def test_what_is_not_asked_for_is_not_imported(packages: Packages) -> None:
    packages.install(
        "broken", "broken_target", "raise RuntimeError('no licence')", {"bad": "broken_target:T"}
    )
    assert target("ice40").name == "ice40"
    with pytest.raises(InputError, match=r"bad of broken must be importable.*no licence"):
        target("bad")
    with pytest.raises(InputError, match="of broken"):
        all_targets()


def test_an_unknown_name_shows_what_is_installed(packages: Packages) -> None:
    packages.install("three", "three_target", plain("lut3"), {"lut3": "three_target:T"})
    with pytest.raises(InputError, match=r"one of ice40, .*, lut3, not 'lut9'"):
        target("lut9")


@pytest.mark.parametrize(
    ("name", "text", "entry", "message"),
    [
        ("ice40", plain("ice40"), "T", "ice40 of three must be named otherwise"),
        ("lut3", plain("lut4"), "T", "its name must be .* 'lut4' in 'lut3'"),
        ("Lut_3", plain("Lut_3"), "T", "its name must be of small letters"),
        ("lut3", "T = 3\n", "T", r"must be an esru.flow.targets.Target, not int"),
        ("lut3", plain("lut3"), "U", "must be importable"),
    ],
)
def test_refused(packages: Packages, name: str, text: str, entry: str, message: str) -> None:
    packages.install("three", "three_target", text, {name: f"three_target:{entry}"})
    with pytest.raises(InputError, match=message):
        target(name)


def test_packed_needs_a_packer(packages: Packages) -> None:
    text = plain("lut3").replace('summary="s"', 'summary="s", headline="packed"')
    packages.install("three", "three_target", text, {"lut3": "three_target:T"})
    with pytest.raises(InputError, match="must be given a packer"):
        target("lut3")


def test_two_packages_with_one_name(packages: Packages) -> None:
    for package in ("one", "two"):
        packages.install(
            package, f"{package}_target", plain("lut3"), {"lut3": f"{package}_target:T"}
        )
    with pytest.raises(InputError, match="lut3 of one and two must be offered by one package"):
        target("lut3")


def test_a_changed_package_is_another_origin(packages: Packages) -> None:
    packages.install("three", "three_target", plain("lut3"), {"lut3": "three_target:T"})
    before = origin("lut3")
    with (packages.folder / "three_target.py").open("a") as file:
        file.write("# changed\n")
    assert origin("lut3") != before
    assert len(before) == len(origin("ice40")) == 16
