"""The README and docs: fresh numbers, working links, commands that parse, tables that agree."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib
import pytest
from flow.stand_in import StandIn
from scripts import script

from esru.cli import COMMANDS, main
from esru.demo.config import DemoConfig
from esru.design import ALIASES, parse
from esru.errors import InputError
from esru.flow.boards import BOARDS
from esru.rounding import probability_up
from esru.train import Job, find_task, train_batch

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def _build() -> ModuleType:
    return script("docs", "build")


def test_generated_parts_are_fresh() -> None:
    """Every number in the README is from a result file (python docs/build.py)."""
    build = _build()
    for path, content in build.generated().items():
        if path.suffix == ".svg" and not _same_matplotlib(build):
            continue  # another matplotlib draws the same points with other bytes
        assert path.read_text(encoding="utf-8") == content, f"{path.name}: run docs/build.py"


def _same_matplotlib(build: ModuleType) -> bool:
    return f"matplotlib=={matplotlib.__version__}" in (ROOT / "requirements.lock").read_text()


def test_results_say_what_made_them() -> None:
    for path in sorted((ROOT / "docs" / "results").glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        assert list(content)[:2] == ["schema", "versions"], path.name
        assert content["versions"], path.name


def _controls() -> list[dict[str, Any]]:
    """Return the controls of the committed search, one of each task."""
    text = (ROOT / "docs" / "results" / "search-bits8.json").read_text(encoding="utf-8")
    return list(json.loads(text)["controls"])


def test_the_committed_search_has_its_controls() -> None:
    assert [one["task"] for one in _controls()] == ["digits-mlp", "digits-cnn"]
    assert all(one["admitted"] for one in _controls())


@pytest.mark.slow
def test_a_control_of_the_committed_search_comes_again() -> None:
    """Round to nearest is exact everywhere, so its row comes again to the last digit."""
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    mlp, _ = _controls()
    lr = find_task("digits-mlp").learning_rates[0]
    (row,) = [row for row in mlp["rows"] if (row["lr"], row["trained_with"]) == (lr, "nearest")]
    jobs = [Job(parse("nearest"), mlp["seed"] + i, lr) for i in range(mlp["seeds"])]
    found = [result.accuracy for result in train_batch("digits-mlp", jobs)]
    assert row["accuracy"]["mean"] == pytest.approx(sum(found) / len(found), abs=1e-6)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_designs_in_the_docs_exist(page: Path) -> None:
    """Whatever looks like a design in backquotes or after a command can be parsed."""
    pattern = r"\b\d+:\d+:[a-z]+:[a-z]+(?:-[a-z]+)?[0-9]*(?:,[a-z]+=[a-z0-9_.]+)*"
    for text in re.findall(pattern, page.read_text(encoding="utf-8")):
        try:
            parse(text)
        except InputError as error:
            pytest.fail(f"{page.name}: {text}: {error}")


def test_commands_in_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"^esru ([a-z-]+)(.*)$", text, re.MULTILINE)
    assert {"show", "gen", "verify", "cost", "compare", "train", "build", "program"} <= dict(
        found
    ).keys()
    for name, rest in found:
        assert name in COMMANDS
        words = shlex.split(rest, comments=True)
        if name not in ("program", "check-board"):
            for word in words[:1]:
                assert word == "--peers" or parse(word)
        if "--board" in words:
            assert words[words.index("--board") + 1] in BOARDS


def test_the_readmes_mean_is_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    """What the README shows of a simulated board is what any chip would say."""
    shown = json.loads((ROOT / "docs" / "results" / "benchmark-boards.json").read_text())["mean"]
    text = shown["command"].split()[2]
    with StandIn(DemoConfig(parse(text), clock_hz=12_000_000)) as chip:
        assert main(["check-board", "--port", chip.port, "--mean", "0.3"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[: len(shown["printed"])] == shown["printed"]


def test_every_command_is_documented() -> None:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"`esru {name}" in text
    contract = (ROOT / "docs" / "rounding.md").read_text(encoding="utf-8")
    for alias in ALIASES:
        assert f"`{alias}`" in contract


def test_the_readmes_example_is_true() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "# Fraction(1, 14)" in text
    assert repr(probability_up(parse("8:3:replicate:plateau3"), 32)) == "Fraction(1, 14)"


def test_ci_runs_the_readmes_own_command() -> None:
    """What `.ci/run` cuts out of the README is one shell command that ends in pytest."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    function = script[script.index("readme_command()") : script.index("tests=$(")]
    cut = subprocess.run(
        ["bash", "-c", function + '\nreadme_command "command: tests"'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert cut.strip() and cut in (ROOT / "README.md").read_text(encoding="utf-8")
    assert cut.strip().endswith(".venv/bin/pytest")
    subprocess.run(["bash", "-n", "-c", cut], check=True)


def test_nothing_names_one_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    homes = re.compile(r"/(?:home|root|work|tmp)/[a-z]")
    for name in listed:
        if name.endswith((".py", ".md", ".json", ".toml", ".yml", ".v", ".svg")):
            found = homes.search((ROOT / name).read_text(encoding="utf-8"))
            assert found is None or name == "tests/docs/test_docs.py", f"{name}: {found}"
