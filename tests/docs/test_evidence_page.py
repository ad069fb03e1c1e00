"""docs/evidence.md: fresh tables and pictures, sentences that hold, rows that repeat."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from evidence_rows import PAGE, RESULT, ROOT, SCHEDULES, TEXT, diffs, found
from marks import slow_where
from scripts import script

from esru.design import Design
from esru.evidence.claims import claims
from esru.evidence.rows import judged
from esru.evidence.studies import Study, find_study, studies
from esru.report.fresh import stale
from esru.train.schedule import schedule_cycles
from esru.train.tasks import find_task


def test_the_pages_are_fresh() -> None:
    assert not stale(PAGE.pages(RESULT)), "run python docs/evidence.py"
    shown = set(re.findall(r"\]\((evidence-\w+\.svg)\)", TEXT))
    assert shown == {PAGE.picture(name).name for name in PAGE.PICTURES}


@pytest.mark.parametrize("name", slow_where(set(PAGE.PICTURES) - {"sharing"}, PAGE.PICTURES))
def test_the_pictures_are_fresh(name: str) -> None:
    """Each takes one to three seconds."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    drawn = PAGE.PICTURES[name](RESULT)
    # Another matplotlib draws the same points with other bytes.
    if f"matplotlib=={matplotlib.__version__}" in lock:
        assert not stale({PAGE.picture(name): drawn}), "run python docs/evidence.py"


def test_the_command_writes_this_very_file(capsys: pytest.CaptureFixture[str]) -> None:
    bench = script("benchmarks", "evidence")
    assert bench.text(RESULT) == PAGE.RESULT.read_text(encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as status:
        patch.setattr("sys.argv", ["evidence.py", "tea"])
        bench.main()
    assert status.value.code == 2
    assert "Study must be one of bits, naive, " in capsys.readouterr().err


@pytest.mark.parametrize("study", studies(), ids=lambda study: study.name)
def test_the_file_holds_the_studies(study: Study) -> None:
    """What is defined is what was measured, on the cycles that it has today."""
    kept = RESULT["studies"][study.name]
    assert (kept["task"], kept["lanes"], kept["seeds"]) == (study.task, study.lanes, study.seeds)
    task = find_task(study.task)
    wanted = [(point, lr) for point in study.points for lr in study.learning_rates]
    for row, (point, lr) in zip(kept["rows"], wanted, strict=True):
        assert row["series"] == point.series and row["at"] == point.at and row["lr"] == lr
        assert row["trained"] == str(point.trained) and row["schedule"] == point.schedule
        assert row["against"] == str(point.partner().trained)
        if isinstance(point.trained, Design):
            now = schedule_cycles(task, point.trained, point.schedule, study.lanes)
            assert (row["C"], row["gcd"]) == now


def test_what_three_bits_do() -> None:
    for rule, schedule in product(("half", "nearest", "select", "replicate"), SCHEDULES):
        within = [row["bound"] < 1 for row in found("bits", f"{rule}, long", 3, schedule)]
        assert within == [True, True, (rule, schedule) != ("nearest", "worst")]
    last = found("bits", "nearest, long", 3, "worst")[-1]
    assert (
        f"the lowest learning rate on `worst`: there it loses {-last['diff']:.2f} points, and a "
        f"whole one cannot be excluded (the bound is {last['bound']:.2f})"
    ) in TEXT
    for schedule in SCHEDULES:
        within = [row["bound"] < 1 for row in found("bits", "zero, long", 3, schedule)]
        assert within == [True, False, False]
        assert all(row["bound"] < 1 for row in found("bits", "zero, long", 4, schedule))
    two, one = (-diffs("bits", "half, long", k)[-1] for k in (2, 1))
    assert f"`half` with k = 2 loses {two:.1f} points there, with k = 1 it loses {one:.1f}" in TEXT
    (high, middle, low), other = (diffs("bits", "replicate, long", 2, s) for s in SCHEDULES)
    assert (
        f"by {low:.1f} points at the lowest learning rate, by {middle:.1f} at the next "
        f"({other[1]:.1f} on `worst`), and not at the highest"
    ) in TEXT
    assert max(abs(high), abs(other[0])) < 0.1 and other[2] == pytest.approx(low, abs=0.05)
    coin, other = (diffs("bits", "replicate, long", 1, s) for s in SCHEDULES)
    assert f"that loses {-coin[2]:.1f} points at the lowest ({-other[2]:.1f} on `worst`)" in TEXT
    assert min(*coin[:2], *other[:2]) > 0
    for rule in ("zero", "half", "nearest"):
        rows = found("bits", f"{rule}, short", 5)
        assert all(row["bound"] < 1 for row in rows[:2])
        assert -1.2 < rows[2]["diff"] < -0.9
    assert all(row["bound"] < 1 for row in found("bits", "replicate, short", 5))
    # The rules with the same P(up) lose as much at the same k, and `zero` needs a bit more.
    for rule, more, near in (("nearest", 0, 0.4), ("select", 0, 0.4), ("zero", 1, 0.25)):
        for k, schedule in product(range(3 if more else 1, 6), SCHEDULES):
            own = diffs("bits", "half, long", k, schedule)
            other = diffs("bits", f"{rule}, long", k + more, schedule)
            assert own == pytest.approx(other, abs=near), (rule, k, schedule)


def test_naive_and_plateau() -> None:
    worst = {
        rule: -min(diffs("naive", f"{rule}, lfsr", 3, "fixed"))
        for rule in ("half", "nearest", "replicate")
    }
    assert (
        f"a plain 3-bit LFSR loses {worst['half']:.0f} points under `half`, "
        f"{worst['nearest']:.0f} under `nearest` and {worst['replicate']:.0f} under `replicate`"
    ) in TEXT
    for rule, loss in worst.items():
        gain = max(diffs("naive", f"{rule}, plateau less lfsr", 3, "fixed"))
        assert gain == pytest.approx(loss, abs=0.2)
    lfsr, plateau, uniform = (
        diffs("naive", f"half, {name}", 3, "fixed") for name in ("lfsr", "plateau", "debruijn")
    )
    assert f"the plain LFSR loses {-lfsr[0]:.1f} points to the reference" in TEXT
    assert f"the plateau {-plateau[0]:.1f}" in TEXT
    assert lfsr[-1] < -3 and plateau[-1] < -3
    assert f"a de Bruijn register loses {-uniform[-1]:.1f}" in TEXT
    for rule in ("half", "nearest"):
        rows = found("bits", f"{rule}, plateau", 3)
        assert [row["bound"] < 1 for row in rows] == [True, True, False]
        assert rows[-1]["diff"] < -3
        assert all(row["bound"] < 1 for row in found("naive", f"{rule}, debruijn", 3, "fixed"))


def test_the_verdict() -> None:
    verdicts = {(c.statement[:8], c.reading): c.verdict(c.rows(RESULT)) for c in claims()}

    def said(start: str, end: str) -> dict[str, str]:
        found = {}
        for (statement, reading), verdict in verdicts.items():
            if statement == start[:8] and reading.endswith(end):
                found[reading.split("`")[1]] = verdict
        return found

    natural = said("8 bits with", "natural")
    assert [rule for rule, verdict in natural.items() if verdict == "yes"] == ["replicate"]
    assert set(said("8 bits with", "worst").values()) == {"no"}
    higher = said("... with a", "natural")
    assert higher.pop("replicate") == "at 1 of 3" and set(higher.values()) == {"no"}
    assert judged(found("bits", "replicate, plateau", 3)[-1]) == "better"
    biased = said("the naive", "reference")
    assert len(biased) == 4 and set(biased.values()) == {"yes"}
    high, middle, _ = (-diff for diff in diffs("naive", "zero, lfsr", 3, "fixed"))
    assert f"under `zero` with {high:.1f} and {middle:.1f} points at the two higher" in TEXT
    repaired = said("a plateau", "LFSR")
    assert repaired["replicate"] == "yes"
    wanted = {rule: ["better", "better", "open"] for rule in ("half", "nearest")}
    for rule, signs in (wanted | {"zero": ["worse", "worse", "better"]}).items():
        rows = found("naive", f"{rule}, plateau less lfsr", 3, "fixed")
        assert [judged(row, 0) for row in rows] == signs


def test_what_the_readme_says_of_it() -> None:
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    for rule, schedule in product(("half", "select"), SCHEDULES):
        assert all(row["bound"] < 1 for row in found("bits", f"{rule}, long", 3, schedule))
    nearest = [*found("bits", "nearest, long", 3), *found("bits", "nearest, long", 3, "worst")]
    (last,) = [row for row in nearest if row["bound"] >= 1]
    assert len(nearest) == 6 and "`nearest` but in one case of six" in text
    assert f"where it loses {-last['diff']:.2f} points and the bound is {last['bound']:.2f}" in text
    rules = ("zero", "half", "nearest", "replicate")
    most = max(-diff for rule in rules for diff in diffs("naive", f"{rule}, lfsr", 3, "fixed"))
    assert f"A plain 3-bit LFSR loses up to {most:.0f} points" in text
    assert max(diffs("naive", "replicate, plateau less lfsr", 3, "fixed")) > most - 0.2
    assert min(diffs("naive", "replicate, plateau", 3, "fixed")) > -1
    worst = found("bits", "replicate, plateau", 3, "worst")
    losses = [-row["diff"] for row in worst]
    assert f"loses {min(losses):.0f} to {max(losses):.0f} points" in text
    natural = found("bits", "replicate, plateau", 3)
    assert {a["C"] - b["C"] for a, b in zip(worst, natural, strict=True)} == {3}


def test_what_resonance_does() -> None:
    halfway = found("resonance", "8:3:replicate:plateau3", 7, "fixed:49")
    assert [row["bound"] < 1 for row in halfway] == [True, True, False]
    assert "with the factor 7 (C = 49, [below](#resonance)) it holds at two of three" in TEXT
    losses = [-row["diff"] for row in found("bits", "replicate, plateau", 3, "worst")]
    assert f"loses {min(losses):.0f} to {max(losses):.0f} points" in TEXT
    (row,) = found("digits-cnn", "papers", None)
    assert row["gcd"] == 14 and row["mean"] < 20
    one = [row for row in RESULT["studies"]["resonance"]["rows"] if row["gcd"] == _period(row)]
    adders = [-row["diff"] for row in one if ":select:" not in row["trained"]]
    assert min(adders) > 13 and max(adders) < 41
    for row in one:
        if ":select:" in row["trained"]:
            assert row["diff"] > -0.5 or row["lr"] == 2.0**-6
    for (text, _), classes in PAGE.predicted().items():
        if ":select:" in text:
            assert classes.bias is not None and 0 <= classes.bias.mean <= 0.04


def _period(row: dict[str, Any]) -> int:
    return max(int(gcd) for text, gcd in PAGE.predicted() if text == row["trained"])


def test_other_networks() -> None:
    for series, schedule in product(("winner", "8:7:select:lfsr13,leap=7,lanes=64"), SCHEDULES):
        assert all(row["bound"] < 1 for row in found("digits-cnn", series, None, schedule))
    for series in ("papers", "8:3:nearest:plateau3", "8:3:half:plateau3"):
        (alone,) = found("digits-cnn", series, None, "fixed")
        assert alone["gcd"] == 1 and alone["bound"] < 1
        for schedule in ("natural", "worst"):
            (row,) = found("digits-cnn", series, None, schedule)
            assert row["gcd"] == 14 and row["mean"] < 20
    (better,) = found("digits-cnn", "papers", None, "fixed")
    assert judged(better) == "better"
    assert f"`replicate` is {better['diff']:.1f} points better" in TEXT
    rows = found("chars-transformer", "papers", None)
    assert {row["gcd"] for row in rows} == {2}
    first, second = (-row["diff"] for row in rows)
    assert f"which costs {first:.2f} and {second:.2f} nats; with C = 191" in TEXT
    for row in found("chars-transformer", "papers", None, "fixed:191"):
        assert row["gcd"] == 1 and abs(row["diff"]) < 0.01
    rows = found("chars-transformer", "papers", None, "worst")
    assert {row["gcd"] for row in rows} == {14}
    first, second = (-row["diff"] for row in rows)
    assert f"where the factor is 14, it costs {first:.2f} and {second:.2f} nats" in TEXT
    margin = find_task("chars-transformer").margin
    assert 4 * margin < second < first < 6 * margin
    for schedule in ("natural", "worst"):
        for row in found("chars-transformer", "winner", None, schedule):
            assert row["bound"] < margin / 3


def _repeat(study: Study, folder: Path) -> list[Any]:
    torch = pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    torch.set_num_threads(1)
    from esru.evidence.measure import Measurer
    from esru.search.store import Store

    with Store(folder / "runs.sqlite") as store, ThreadPoolExecutor(1) as pool:
        return Measurer(store, pool, {}).rows(study, lambda done, total: None)


def _part(name: str, choose: Any, rates: slice = slice(None)) -> Study:
    study = find_study(name)
    points = tuple(point for point in study.points if choose(point))
    assert points
    return replace(study, points=points, learning_rates=study.learning_rates[rates])


def _kept(study: Study) -> list[Any]:
    points = [(p.series, p.at, p.schedule) for p in study.points]
    rows = RESULT["studies"][study.name]["rows"]
    return [
        row
        for row in rows
        if (row["series"], row["at"], row["schedule"]) in points
        and row["lr"] in study.learning_rates
    ]


def test_a_row_repeats(tmp_path: Path) -> None:
    part = _part("naive", lambda p: (p.series, p.at) == ("half, plateau less lfsr", 3), slice(1))
    assert _repeat(part, tmp_path) == _kept(part)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "choose"),
    [
        ("bits", lambda p: p.at == 3 and p.series.startswith("replicate")),
        ("registers", lambda p: p.at == 8 and p.series == "zero, one step"),
        ("families", lambda p: p.series in ("half, counter3", "half, operand-xor")),
        ("resonance", lambda p: p.series == "8:3:replicate:plateau3"),
        ("sharing", lambda p: p.at == 256),
        ("digits-cnn", lambda p: p.series in ("winner", "papers")),
    ],
)
def test_rows_repeat(name: str, choose: Any, tmp_path: Path) -> None:
    """To the last digit: training is exact."""
    part = _part(name, choose)
    assert _repeat(part, tmp_path) == _kept(part)


@pytest.mark.slow
def test_means_of_formats_repeat(tmp_path: Path) -> None:
    """Their differences are to float32, whose last bits are another machine's."""
    part = _part("formats", lambda p: p.series.endswith(("4.0, winner", "e4m3, winner")))
    alone = tuple(replace(point, against=point.trained) for point in part.points)
    for row, kept in zip(_repeat(replace(part, points=alone), tmp_path), _kept(part), strict=True):
        assert (row["trained"], row["mean"], row["sd"]) == (
            kept["trained"],
            kept["mean"],
            kept["sd"],
        )


@pytest.mark.slow
def test_rows_of_other_tensors_repeat(tmp_path: Path) -> None:
    """Nearly: the softmax is torch's, and another machine may round it otherwise."""
    part = _part("tensors", lambda p: p.series.startswith("without a copy, upd"), slice(1))
    (row,), (kept,) = _repeat(part, tmp_path), _kept(part)
    assert row["mean"] == pytest.approx(kept["mean"], abs=0.5)
    assert row["diff"] == pytest.approx(kept["diff"], abs=0.5)
