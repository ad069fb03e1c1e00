"""`esru train`: the table, the JSON, and what it refuses before any work."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

import pytest

from esru.cli import main

SELECT = "8:7:select:lfsr13,leap=7,lanes=64"


@pytest.fixture
def torch_there() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")


def answer(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    """Return the one JSON object of a successful command."""
    assert main(["train", *argv, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.usefixtures("torch_there")
def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "papers", "--seeds", "2", "--seed0", "5", "--no-controls")
    assert list(found)[:3] == ["schema", "versions", "design"]
    assert found["schema"] == "esru.train/1"
    assert {"esru", "torch", "numpy", "scikit-learn"} <= set(found["versions"])
    assert (found["design"], found["against"]) == ("8:3:replicate:plateau3", "24:24:zero:lfsr24")
    assert found["schedule"] == {"natural": {"C": 39, "gcd": 1}, "worst": {"C": 42, "gcd": 14}}
    assert (found["period"], found["seeds"], found["seed0"], found["lanes"]) == (14, 2, 5, 64)
    cells = [(t["schedule"], t["lr"]) for t in found["tests"]]
    assert cells == [(s, lr) for s in ("natural", "worst") for lr in (0.25, 0.0625, 0.015625)]
    for test in found["tests"]:
        assert {"task", "lr", "schedule", "diff", "bound", "seeds"} <= set(test)
        assert test["seeds"] == 2
        assert test["bound"] > -test["diff"]
    # The papers' source has a period of 14: met every 42 cycles it always says the same.
    assert found["tests"][3]["diff"] < -3


@pytest.mark.usefixtures("torch_there")
def test_a_design_without_a_generator(capsys: pytest.CaptureFixture[str]) -> None:
    """Bits of the data train near the reference where there are some, and fail where not."""
    argv = ("--seeds", "2", "--schedule", "natural", "--no-controls")
    near = answer(capsys, "4:3:half:operand-own,in=s18.10", *argv)
    far = answer(capsys, "4:3:half:operand-own,in=s22.14", *argv)
    assert near["period"] is None and near["schedule"] == {"natural": {"C": 39, "gcd": 1}}
    assert near["tests"][1]["lr"] == 2.0**-4
    assert near["tests"][1]["diff"] > -1.5 and far["tests"][1]["diff"] < -5
    assert main(["train", "4:3:half:operand-own", *argv]) == 0
    assert "the words are the operands' own; seeds 0 to 1" in capsys.readouterr().out


@pytest.mark.usefixtures("torch_there")
def test_json_equals_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    from esru.design import parse
    from esru.train import Job, train_batch

    argv = ["nearest", "--against", "papers", "--seeds", "2", "--schedule", "fixed:50"]
    found = answer(capsys, *argv, "--no-controls")
    assert not {"controls", "admission", "admitted"} & set(found)
    jobs = [Job(parse(d), s, 0.25, "fixed:50") for d in ("nearest", "papers") for s in (0, 1)]
    own0, own1, other0, other1 = (run.accuracy for run in train_batch("digits-mlp", jobs))
    test = found["tests"][0]
    assert test["accuracy"]["mean"] == pytest.approx((own0 + own1) / 2)
    assert test["diff"] == pytest.approx((own0 - other0 + own1 - other1) / 2)
    assert len(found["tests"]) == 3
    assert found["schedule"] == {"fixed:50": {"C": 50, "gcd": 1}}


@pytest.mark.usefixtures("torch_there")
def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["train", SELECT, "--seeds", "1", "--schedule", "natural", "--no-controls"]
    assert main(argv) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].startswith(f"{SELECT} on digits-mlp: ")
    assert "a step takes 39 cycles, the source's period is 8191; seeds 0 to 0" in lines[1]
    assert lines[3].split()[:4] == ["schedule", "C", "gcd", "lr"]
    assert [line.split()[:4] for line in lines[5:8]] == [
        ["natural", "39", "1", rate] for rate in ("2^-2", "2^-4", "2^-6")
    ]
    assert "±" not in "".join(lines[5:8])  # one seed has no deviation
    assert "float32" not in out and "judge" not in out
    assert "next: " in err


@pytest.mark.usefixtures("torch_there")
def test_controls(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--controls", "--seeds", "2"]) == 0
    out = capsys.readouterr().out
    assert "float32 reaches 95 % at its best learning rate" in out
    assert out.splitlines()[-1] == "digits-mlp may judge designs"
    found = answer(capsys, "--controls", "--seeds", "2")
    assert found["design"] is None
    assert found["admitted"] is True
    assert len(found["controls"]) == 9
    assert all(found["admission"].values())


@pytest.mark.usefixtures("torch_there")
def test_weights_in_other_formats(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ("--seeds", "2", "--schedule", "natural")
    named = answer(capsys, "4:3:half:lfsr9,in=bfloat16,out=ocp_e4m3", *argv)
    assert named["against"] == "24:24:zero:lfsr24,in=bfloat16,out=ocp_e4m3"
    assert named["format"] == "ocp_e4m3"
    found = answer(capsys, "nearest", "--format", "int6", *argv)
    assert (found["design"], found["against"]) == (
        "8:0:half:none,out=int6",
        "24:24:zero:lfsr24,out=int6",
    )
    assert (found["format"], found["admitted"]) == ("int6", False)
    # The controls are the same two units.
    tests, controls = found["tests"], found["controls"]
    assert [test["accuracy"] for test in tests] == [row["accuracy"] for row in controls[6:]]
    assert tests[2]["diff"] < -50  # nearest loses everything at 2^-6
    # The task cannot judge, which is a failure only where it was asked.
    assert main(["train", "nearest", "--format", "int6", *argv]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == (
        "digits-mlp, with weights in int6, cannot judge designs at these seeds: "
        "the rows above are no verdict on this one"
    )
    assert main(["train", "nearest", "--format", "int6", "--controls", *argv]) == 1
    assert capsys.readouterr().out == said
    assert main(["train", "--controls", "--format", "ocp_e5m2", "--seeds", "1"]) in (0, 1)
    out = capsys.readouterr().out
    assert out.startswith("controls of digits-mlp, with weights in ocp_e5m2, natural schedule, 1 ")


@pytest.mark.usefixtures("torch_there")
def test_the_summary_names_the_format_of_the_weights(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once, and not the task's own beside it."""
    from esru.train import tasks

    for name, text in (
        ("digits-mlp", "64-32-10 perceptron, SGD, int4 weights without a copy"),
        ("digits-cnn", "as digits-mlp otherwise, with weights in int4"),
        ("chars-transformer", "Adam, int4 weights alike"),
    ):
        own = tasks()[name]
        short = replace(own, epochs=1, averaged=1, train_examples=own.batch, test_examples=16)
        constant = name.upper().replace("-", "_")
        monkeypatch.setattr(sys.modules["esru.train.tasks"], constant, short)
        argv = ["train", "papers", "--task", name, "--seeds", "1", "--schedule", "natural"]
        argv.append("--no-controls")
        assert main([*argv, "--format", "int4"]) == 0
        said = capsys.readouterr()
        first = said.out.splitlines()[0]
        assert first.startswith(f"8:3:replicate:plateau3,out=int4 on {name}: ")
        assert first.endswith(text) and "int8" not in first
        assert main(argv) == 0
        assert capsys.readouterr().out.splitlines()[0].endswith(f"{name}: {own.summary}")
        assert said.err.splitlines()[-1].startswith("next: esru show 8:3:replicate:plateau3,out=")


@pytest.mark.usefixtures("torch_there")
def test_units_that_round_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A design without formats stands for its counterpart, and the answer says for which."""
    from esru.train import tasks

    short = replace(
        tasks()["fp4-transformer"], epochs=1, averaged=1, train_examples=32, test_examples=16
    )
    monkeypatch.setattr(sys.modules["esru.train.tasks"], "FP4_TRANSFORMER", short)
    argv = ["--task", "fp4-transformer", "--seeds", "1", "--schedule", "natural"]
    found = answer(capsys, "papers", *argv, "--no-controls")
    unit = "8:3:replicate:plateau3,in=mx_float32,out=ocp_e2m1"
    assert (found["design"], found["unit"]) == ("8:3:replicate:plateau3", unit)
    assert (found["against"], found["format"]) == ("24:24:zero:lfsr24", None)
    named = answer(capsys, unit, *argv)
    assert named["against"] == "24:24:zero:lfsr24,in=mx_float32,out=ocp_e2m1"
    for test, other in zip(found["tests"], named["tests"], strict=True):
        assert test["loss"] == other["loss"] and test["diff"] == other["diff"] != 0
    assert len(named["controls"]) == 6 and named["admitted"] is False
    assert main(["train", "papers", *argv]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"trained with the same rule and words between the task's formats: {unit}"
    assert "a step takes 4432 cycles" in lines[2]
    assert main(["train", "--controls", *argv[:4]]) == 1  # two steps teach nothing
    out = capsys.readouterr().out
    assert out.startswith("controls of fp4-transformer, natural schedule, 1 seeds")
    assert "NO   float32 reaches a loss of 2.15 nats" in out


@pytest.mark.usefixtures("torch_there")
def test_a_task_that_may_not_judge_is_the_answer_no(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from esru.train import admission

    monkeypatch.setattr(admission, "NEAREST_MARGINS", 90)
    assert main(["train", "--controls", "--seeds", "1"]) == 1
    out = capsys.readouterr().out
    assert "NO   nearest loses more than 90 points at some learning rate" in out
    assert out.splitlines()[-1] == "digits-mlp may not judge designs"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "DESIGN must be given, unless --controls is, not missing"),
        (["--no-controls"], "DESIGN must be given, unless --controls is, not missing"),
        (["papers", "--task", "mnist"], "Task must be one of digits-mlp"),
        (["papers", "--seeds", "0"], "Seeds must be between 1 and 10000, not 0"),
        (["8:3:zero:port"], "Source of a trained design must be one that makes its own words or"),
        (
            ["8:3:zero:operand-own,in=s36.28"],
            "Dropped bits (D) of a design trained with operand-own must be at most 24, not 28",
        ),
        (["papers", "--seed0", "-1"], "First seed must be at least 0, not -1"),
        (["papers", "--schedule", "often"], "Schedule must be natural, worst or fixed:C"),
        (["papers", "--schedule", "fixed:38"], "Cycles of schedule fixed must be at least the 39"),
        ([SELECT, "--lanes", "32"], "Lanes of the array must be a multiple of"),
        (["papers", "--lanes", "0"], "Lanes of the array must be between 1 and 1024, not 0"),
        (["paper"], "Design must be n:k:rule:source"),
        (["papers", "--against", "25:24:zero:lfsr24"], "of a trained design must be at most 24"),
        (
            ["8:3:zero:lfsr3,out=s8.4"],
            "Output format of the design must be intW with W from 2 to 8 or a float of at most 8 "
            "bits in digits-mlp, not s8.4",
        ),
        (["papers", "--format", "int9"], "Output format of the design must be intW with W from 2"),
        (["papers", "--format", "bfloat16"], "Output format of the design must be one of at most"),
        (["papers", "--format", "int"], "Format must be sW.F, uW.F, intW, uintW or one of"),
        (
            ["papers,out=int4", "--format", "int5"],
            "Output format of the design must be int5, as --format says, or left out, not int4",
        ),
        (
            ["papers", "--task", "chars-transformer", "--format", "ocp_e4m3"],
            "Output format of the design must be intW with W from 2 to 8 in chars-transformer",
        ),
        (["papers,in=mx_float32,out=ocp_e4m3"], "Input format of the design must be one without"),
        (
            ["papers,out=ocp_e4m3,overflow=nonsaturate"],
            "Overflow of a trained float unit must be saturate, not nonsaturate",
        ),
        (
            ["4:3:half:operand-own,out=ocp_e4m3"],
            "Source of a trained float unit must be one that makes its own words",
        ),
        (["papers,in=s12.8,out=int6"], "Input format of the design must be one that holds every"),
        (
            ["papers", "--task", "fp4-transformer", "--format", "ocp_e2m1"],
            "--format must be left out with fp4-transformer, not ocp_e2m1",
        ),
        (
            ["papers,out=ocp_e2m1", "--task", "nvfp4-transformer"],
            "Formats of the design must be in=mx_float32,out=ocp_e2m1 in nvfp4-transformer, or",
        ),
        (["--controls", "--format", "u8.0"], "Output format of the design must be intW with W"),
        (["--controls", "--format", "sums"], "Format must be sW.F, uW.F, intW, uintW or one of"),
        (["--controls", "--lanes", "0"], "Lanes of the array must be between 1 and 1024, not 0"),
        (
            ["--controls", "--schedule", "garbage", "--schedule", "natural"],
            "--schedule must be left out without DESIGN, not garbage, natural",
        ),
        (
            ["--controls", "--against", "reference"],
            "--against must be left out without DESIGN, not reference",
        ),
    ],
)
def test_bad_input_is_refused_before_any_work(
    argv: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # bad input is said first
    assert main(["train", *argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err


@pytest.mark.usefixtures("torch_there")
def test_a_device_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "papers", "--device", "abacus"]) == 2
    assert "Device must be one that torch can use here, not 'abacus'" in capsys.readouterr().err


@pytest.mark.parametrize(("module", "package"), [("torch", "torch"), ("sklearn", "scikit-learn")])
def test_missing_packages(
    module: str,
    package: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if module != "torch":
        pytest.importorskip("torch")  # what is looked for first
    monkeypatch.setitem(sys.modules, module, None)
    assert main(["train", "papers"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    expected = f"{package} is not installed; install it with: pip install 'esru[train]'"
    assert err == f"esru train: error: {expected}\n"
