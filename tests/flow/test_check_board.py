"""`esru check-board` against a stand-in chip: what it finds, and what it survives."""

from __future__ import annotations

import json
import re
import shlex
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from fractions import Fraction
from io import StringIO
from pathlib import Path

import pytest
import serial
from faulty_line import Damage, FaultyLine, late, lose, noise
from marks import slow_where
from stand_in import StandIn

from esru.cli import main
from esru.demo import link, ports
from esru.demo.check import check_board, read_config
from esru.demo.config import DemoConfig
from esru.demo.link import BoardLost, Link
from esru.demo.mean import measure_mean, operand_for
from esru.demo.model import DemoModel, Patterns
from esru.demo.operands import sweep
from esru.demo.protocol import parse_info
from esru.design import parse
from esru.errors import InputError, ToolFailed, ToolMissing
from esru.rounding import round_up

BAUD = 115200

#: The stand-in computes what a chip does in no time: runs take it longer than their clock says.
PATIENCE = 4.0
SLOW = ["--patience", str(PATIENCE)]


def _config(text: str = "papers", lanes: int | None = None) -> DemoConfig:
    return DemoConfig(parse(text), lanes=lanes, clock_hz=12_000_000)


def _link(port: str) -> Link:
    return Link(port, BAUD, patience=PATIENCE)


@pytest.mark.parametrize(
    "text",
    [
        "papers",
        "reference",
        "8:7:select:lfsr13,leap=7,lanes=4",
        "nearest",
        "8:3:zero:plateau3,boundary=unit",
        "5:5:zero:debruijn5,boundary=unit,in=u13.7,out=u6.2",
    ],
)
def test_a_good_chip_passes(text: str) -> None:
    config = _config(text)
    with StandIn(config) as chip, _link(chip.port) as link:
        outcome = check_board(link, config.design, blocks=64)
    assert outcome.passed and outcome.retries == outcome.differing == 0
    names = [check.name for check in outcome.checks]
    swept = sweep(config, exhaustive=False) is not None
    assert ("every operand" in names) == swept
    assert names[:2] == ["design", "self-test"] and len(names) == 7 + swept


def _flipped_answer(phase: int, answers: Patterns) -> Patterns:
    answers = answers.copy()
    answers[:, 5] ^= 1
    return answers


def _late_by_one(phase: int, answers: Patterns) -> Patterns:
    """A lane that is one answer behind from phase 300 on."""
    if phase < 300:
        return answers
    answers = answers.copy()
    answers[1:, 2] = answers[:-1, 2]
    return answers


@pytest.mark.parametrize(("bug", "lane"), [(_flipped_answer, 5), (_late_by_one, 2)])
def test_a_chip_with_a_bug_is_found(
    bug: object, lane: int, capsys: pytest.CaptureFixture[str]
) -> None:
    config = _config()
    with StandIn(config, bug=bug) as chip:  # type: ignore[arg-type]
        assert main(["check-board", "--port", chip.port, "--random", "20", "--json", *SLOW]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["verdict"] == "mismatch"
    assert shown["differing"] >= len(shown["mismatches"]) == 8
    first = shown["mismatches"][0]
    assert first["lane"] == lane
    # The report is right about what should have come.
    phase, operand = first["phase"], first["operand"]
    word = int(DemoModel(config).words(phase, 1)[0, lane])
    assert first["word"] == word
    assert first["expected"] == round_up("replicate", 8, 3, operand, word) != first["got"]


def test_the_chips_own_test_counts(capsys: pytest.CaptureFixture[str]) -> None:
    for told, text in ((1, "the chip's signature is another"), (0, "it did not finish")):
        with StandIn(_config(), self_test=told) as chip:
            assert main(["check-board", "--port", chip.port, "--random", "16", *SLOW]) == 1
        assert text in capsys.readouterr().out


def test_a_board_of_another_design(capsys: pytest.CaptureFixture[str]) -> None:
    with StandIn(_config("papers")) as chip:
        assert main(["check-board", "papers-zero", "--port", chip.port]) == 1
        err = capsys.readouterr().err
        assert "the board holds 8:3:replicate:plateau3" in err and "not 8:3:zero:plateau3" in err
        assert main(["check-board", "papers", "--port", chip.port, "--random", "16", *SLOW]) == 0
        assert main(["check-board", "papers-zero", "--port", chip.port, "--mean", "0.3"]) == 1


def test_boards_that_cannot_be_understood() -> None:
    config = _config()
    told = bytearray(config.info)
    told[1] = 2
    other = parse_info(config.info)
    wrong = {
        "version 2 of the protocol": bytes(told),
        "does not describe": replace(other, lanes=16).to_bytes(),
        "makes no sense": replace(other, design="8:3:none:plateau3").to_bytes(),
        "does not describe 8:3:replicate": replace(other, design_id="0123456789").to_bytes(),
    }
    for text, info in wrong.items():
        with (
            StandIn(config, info=info) as chip,
            _link(chip.port) as link,
            pytest.raises(ToolFailed, match=text),
        ):
            read_config(link)


@pytest.mark.parametrize("seed", slow_where({1, 2}, range(3)))
def test_noise_both_ways_is_survived(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 270 bytes and their reply one is damaged with probability 0.11: six times, 2e-6.

    That for some sixty requests; none of them is damaged with probability 0.001.
    """
    monkeypatch.setattr("esru.demo.check._REQUEST_DATA", 256)
    monkeypatch.setattr("esru.demo.check._RUN_CYCLES", 1 << 12)
    with (
        StandIn(_config("8:8:zero:debruijn8")) as chip,
        FaultyLine(
            chip.port, to_board=noise(1 / 4000, seed), to_host=noise(1 / 800, seed + 100)
        ) as line,
        Link(line.port, BAUD, patience=2.0) as link,
    ):
        outcome = check_board(link, seed=seed, blocks=1500)
        assert outcome.passed, outcome
        assert outcome.retries >= 1 and len(outcome.faults) == outcome.retries


@pytest.mark.parametrize(
    ("to_board", "to_host", "fault"),
    [
        (None, lose(1000, 30), "short"),  # a truncated reply
        pytest.param(None, lose(600, 5), "short", marks=pytest.mark.slow),
        (lose(3000, 1), None, ""),  # data that never ends
        (lose(7, 2), None, ""),  # a request cut in half
        (None, late(500, 1.5), ""),  # a reply after the host has given up
    ],
)
def test_one_fault_costs_one_repetition(
    to_board: Damage | None, to_host: Damage | None, fault: str
) -> None:
    with (
        StandIn(_config()) as chip,
        FaultyLine(chip.port, to_board=to_board, to_host=to_host) as line,
        Link(line.port, BAUD, patience=2.0) as link,
    ):
        outcome = check_board(link, blocks=200)
        assert outcome.passed, outcome
        assert 1 <= outcome.retries <= 3
        assert fault in outcome.faults[0]


def test_a_line_that_only_makes_noise_is_given_up() -> None:
    with (
        StandIn(_config()) as chip,
        FaultyLine(chip.port, to_host=noise(1 / 2, 1)) as line,
        Link(line.port, BAUD, patience=0.2) as link,
        pytest.raises(BoardLost, match=r"no usable answer .* in 6 attempts"),
    ):
        check_board(link)


def test_a_silent_board(capsys: pytest.CaptureFixture[str]) -> None:
    with StandIn(_config(), silent=True) as chip:
        assert main(["check-board", "--port", chip.port]) == 4
    out, err = capsys.readouterr()
    assert not out
    assert "no usable answer" in err and "is the demo on the board" in err
    assert "is the line a slow one (--patience)?" in err


@pytest.mark.parametrize("pull_after", [400, 900, 4500])
def test_a_pulled_cable_leaves_what_was_checked(
    pull_after: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with StandIn(_config()) as chip, FaultyLine(chip.port, pull_after=pull_after) as line:
        assert main(["check-board", "--port", line.port, "-o", str(tmp_path), "--json"]) == 4
    out, err = capsys.readouterr()
    shown = json.loads(out)
    assert shown["verdict"] == "lost" and "is gone" in shown["lost"]
    assert [check["name"] for check in shown["checks"]][:2] == ["design", "self-test"]
    assert all(check["passed"] for check in shown["checks"])
    assert json.loads((tmp_path / "check-board.json").read_text()) == shown
    assert "ended early" in (tmp_path / "check-board.md").read_text()
    assert "is gone" in err


def test_a_mean_that_anybody_understands(capsys: pytest.CaptureFixture[str]) -> None:
    with StandIn(_config("8:8:zero:lfsr16,leap=11")) as chip:
        assert main(["check-board", "--port", chip.port, "--mean", "0.3"]) == 0
        text = capsys.readouterr().out
        assert "0.3 ulp is sent as 77/256 = 0.30078125" in text
        rows = {line.split("  ")[0]: line.split() for line in text.splitlines()}
        assert rows["chip"][1] == rows["exact model"][2]
        assert rows["round to nearest"][3:5] == ["0", "0.000000"]
        assert abs(float(rows["chip"][2]) - 0.3) < 0.02  # 4 sigma of 10000 roundings, and more
        assert text.count("|") == 2 * 7  # 10, 30, 100, 300, 1000, 3000, 10000
        assert main(["check-board", "--port", chip.port, "--mean", "1/4", "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)["mean"]
        assert (shown["fraction"], shown["operand"], shown["count"]) == ("1/4", 64, 10000)


def test_a_mean_of_input_words_and_a_wrong_one() -> None:
    config = _config("8:8:zero:lfsr16,leap=11,boundary=unit,in=s18.9")
    with StandIn(config) as chip, _link(chip.port) as link:
        result = measure_mean(link, Fraction("-2.7"), 1001, config.design)
    assert result.passed and result.nearest == -3 and result.done == 1001
    assert result.total == result.expected and -2.8 < result.mean < -2.6
    assert [number for number, _ in result.running] == [10, 30, 100, 300, 1000, 1001]
    with StandIn(config, bug=_flipped_answer) as chip, _link(chip.port) as link:
        result = measure_mean(link, Fraction("-2.7"), 100)
    assert not result.passed and result.outcome.differing >= 12


def test_a_slow_line_needs_patience() -> None:
    """The first reply comes 1 s late: `test_one_fault_costs_one_repetition` says what else."""
    for words, patient in (([], False), (["--patience", "8"], True)):
        with (
            StandIn(_config()) as chip,
            FaultyLine(chip.port, to_host=late(0, 1.0)) as line,
            redirect_stdout(StringIO()) as out,
        ):
            asked = ["--mean", "0.3", "--count", "8", "--json", *words]
            assert main(["check-board", "--port", line.port, *asked]) == 0
        assert (json.loads(out.getvalue())["line"]["retries"] == 0) == patient


@pytest.mark.parametrize(
    ("hz", "patience", "text"),
    [
        (11_000_000, "1", "8 % slower than the 12 MHz"),
        (13_000_000, "1", "8 % faster than the 12 MHz"),
        (11_500_000, "1", ""),  # less than 5 %
        (11_000_000, "4", ""),  # 45 ms longer: such a line may be that slow
    ],
)
def test_a_clock_that_is_off_is_said(
    hz: int,
    patience: str,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Link, "timed_step", lambda _, cycles: cycles / hz)
    # On a busy machine the stand-in answers late, which is not what patience is about here.
    monkeypatch.setattr(link, "_SLACK", 30.0)
    with StandIn(_config()) as chip:
        words = ["check-board", "--port", chip.port, "--random", "16", "--patience", patience]
        assert main(words) == 0
        out, err = capsys.readouterr()
        assert (text in out) if text else ("the clock is" not in out)
        assert f"at {hz / 1e6:.2f} MHz" in out and "the clock is" not in err
        if text:
            assert main([*words, "--json"]) == 0
            assert text in capsys.readouterr().err


@pytest.mark.parametrize("text", ["papers", "1:1:zero:lfsr2,boundary=unit,in=s1.1,out=s1.0"])
def test_the_last_line_is_a_command(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with StandIn(_config(text)) as chip:
        given = [text, "--port", chip.port, "--baud", "57600", "--patience", "4"]
        assert main(["check-board", *given, "--random", "16"]) == 0
        words = _printed_command(capsys)
        assert words[2:-1] == [*given, "--mean"]
        assert main(words[1:]) == 0
        assert _printed_command(capsys) == ["esru", "check-board", *given]


def _printed_command(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return shlex.split(capsys.readouterr().err.splitlines()[-1].split("; next: ")[1])


def test_values_that_no_operand_can_be() -> None:
    assert operand_for(_config(), Fraction(1, 2)) == (128, Fraction(1, 2))
    with pytest.raises(InputError, match=r"Value must be between 0 and 0.996094, not 1.0"):
        operand_for(_config(), Fraction(1))
    with pytest.raises(InputError, match=r"not -0\.5"):
        operand_for(_config(), Fraction(-1, 2))
    unit = _config("papers,boundary=unit")
    assert operand_for(unit, Fraction(-1, 2)) == (0xFF80, Fraction(-1, 2))


def test_results_are_written_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with StandIn(_config()) as chip:
        words = ["check-board", "--port", chip.port, "-o", str(tmp_path / "a"), *SLOW]
        assert main([*words, "--random", "16", "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert list(shown)[:2] == ["schema", "versions"]
        assert shown["schema"] == "esru.check-board/1"
        assert json.loads((tmp_path / "a" / "check-board.json").read_text()) == shown
        page = (tmp_path / "a" / "check-board.md").read_text()
        assert page.startswith("# Board check: passed")
        assert main(words) == 2
        assert "--force" in capsys.readouterr().err
        assert main([*words, "--force", "--mean", "0.3", "--count", "5"]) == 0
        assert "77/256" in (tmp_path / "a" / "check-board.md").read_text()


def test_the_same_seed_sends_the_same_operands() -> None:
    sent = []
    for seed in (1, 1, 2):
        with StandIn(_config("reference")) as chip, _link(chip.port) as link:
            check_board(link, blocks=16, seed=seed)
            sent.append(chip.model.held.tolist())
    assert sent[0] == sent[1] != sent[2]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], r"--port must be given \(found: "),
        (["--port", "/dev/no-such-port"], "Port must be one that is there"),
        (["--port", "/dev/null"], "Port must be a serial port that runs at 115200 baud"),
        (["--simulate"], "DESIGN must be given with --simulate"),
        (["papers", "--simulate", "--port", "x"], "--port must be left out with --simulate"),
        (["--port", "x", "--lanes", "8"], "--lanes must be left out without --simulate"),
        (["--port", "x", "--random", "0"], "--random must be at least 1"),
        (["--port", "x", "--seed", "-1"], "--seed must be at least 0"),
        (["--port", "x", "--baud", "0"], "--baud must be at least 1"),
        (["--port", "x", "--mean", "a"], "--mean must be a number such as 0.3, not 'a'"),
        (["--port", "x", "--count", "5"], "--count must be left out without --mean, not 5"),
        (["--mean", "0", "--count", "0"], "--count must be between 1 and 1000000, not 0"),
        (["--mean", "0", "--count", "1000001"], "--count must be between 1 and 1000000"),
        (["--mean", "0", "--exhaustive"], "--exhaustive must be left out with --mean"),
        (["--mean", "0", "--random", "9"], "--random must be left out with --mean, not 9"),
        (["--mean", "0", "--seed", "0"], "--seed must be left out with --mean, not 0"),
        (["--port", "x", "--patience", "0.5"], "--patience must be a finite number of at least 1"),
        (["--port", "x", "--patience", "inf"], "--patience must be a finite number of at least 1"),
        (["--port", "x", "--patience", "nan"], "--patience must be a finite number of at least 1"),
        (["papers", "--simulate", "--baud", "2000000"], "Baud rate must be"),
    ],
)
def test_input_that_cannot_be(
    words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check-board", *words]) == 2
    err = capsys.readouterr().err
    assert re.search(text, err) and len(err.splitlines()) == 1


def test_a_busy_port_and_one_that_may_not_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    with StandIn(_config()) as chip:
        with _link(chip.port), pytest.raises(InputError, match="another program has it open"):
            _link(chip.port)

        def refuse(*_: object, **__: object) -> None:
            raise serial.SerialException(13, "could not open port")

        monkeypatch.setattr(serial, "Serial", refuse)
        with pytest.raises(InputError, match=r"dialout.*permission denied"):
            _link(chip.port)


def test_a_machine_without_pyserial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(ToolMissing, match=r"pip install 'esru\[board\]'"):
        ports.serial_module()


def test_endless_checks_are_refused() -> None:
    assert sweep(_config("reference"), exhaustive=False) is None
    whole = sweep(_config("reference"), exhaustive=True)
    assert whole is not None and whole.blocks == 1 << 24
    with pytest.raises(InputError, match="at most 24 bits, not 32"):
        sweep(_config("reference,boundary=unit"), exhaustive=True)
