"""docs/evidence.md on shared sources, other formats and other tensors: sentences that hold."""

from __future__ import annotations

from itertools import product

from evidence_rows import RESULT, ROOT, SCHEDULES, TEXT, diffs, found

from esru.train.tasks import find_task


def test_sharing_costs_nothing() -> None:
    rows = RESULT["studies"]["sharing"]["rows"]
    same = {(r["at"], r["lr"]): r["diff"] for r in rows if r["series"].endswith(", same")}
    for how in SCHEDULES:
        own = [r for r in rows if "4:4:zero" not in r["series"] and r["schedule"] == how]
        assert len({r["series"] for r in own}) == 4 and {r["at"] for r in own} >= {1, 256}
    for row in rows:
        if "4:4:zero" in row["series"]:
            assert abs(row["diff"] - same[row["at"], row["lr"]]) < 0.5
        elif row["series"] != "papers":
            assert row["bound"] < 1
        elif row["schedule"] == "natural":
            assert row["gcd"] == 2


def test_formats() -> None:
    at = 1  # of the learning rates: 2^-4

    def loss(name: str, unit: str, rate: int = at) -> float:
        return float(-diffs("formats", f"{name}, {unit}", None)[rate])

    near = [f"{loss(f's{bits}.0', 'nearest'):.1f}" for bits in (8, 7, 6)]
    assert f"int8 loses {near[0]} points, int7 {near[1]}, int6 {near[2]}." in TEXT
    fine = [f"{loss(f's{bits}.0', 'reference'):.1f}" for bits in (8, 7, 6)]
    assert f"With the reference's rounding these are {fine[0]}, {fine[1]} and {fine[2]}" in TEXT
    for rate in (1, 2):
        assert loss("s6.0", "reference", rate) < loss("s8.0", "nearest", rate)
    for bits in (5, 4):
        assert min(loss(f"s{bits}.0", "reference", rate) for rate in range(3)) > 2
    for rate in range(3):
        for unit in ("reference", "winner", "papers"):
            wide, narrow = (loss(f"ocp_{name}", unit, rate) for name in ("e5m2", "e3m2"))
            assert abs(wide - narrow) < 0.2
    winner, reference = (loss("s6.0", unit, 2) for unit in ("winner", "reference"))
    assert f"at 2^-6 it loses {winner:.1f} points in int6 where 24 random bits lose" in TEXT
    assert f"24 random bits lose {reference:.1f}" in TEXT


def test_the_schedule_in_other_formats() -> None:
    def moved(name: str, unit: str) -> list[float]:
        of = [
            [row["mean"] for row in found("formats", f"{name}, {unit}", None, how)]
            for how in SCHEDULES
        ]
        return [worst - natural for natural, worst in zip(*of, strict=True)]

    names = {row["series"].partition(", ")[0] for row in RESULT["studies"]["formats"]["rows"]}
    names.remove("float32")
    assert "within a quarter of a point of their `natural` rows in int8, int7 and" in TEXT
    for name, unit in product(("s8.0", "s7.0", "ocp_e4m3"), ("reference", "winner")):
        assert max(map(abs, moved(name, unit))) < 0.25
    lost = [-points for name in sorted(names) for points in moved(name, "papers")]
    assert f"loses {min(lost):.0f} to {max(lost):.0f} points more than on `natural`" in TEXT
    few = ("s5.0", "s4.0", "ocp_e2m1")
    either = [points for name in few for points in moved(name, "reference")]
    assert min(either) < -5 and max(either) > 5
    assert f"moves the reference by up to {max(map(abs, either)):.1f} points, either way" in TEXT


def test_which_tensor_matters() -> None:
    def of(what: str, bits: int, how: str) -> list[float]:
        return diffs("tensors", f"with a copy, {what} in {bits} bits, {how}", bits)

    for what in ("weights", "activations", "gradients"):
        assert all(abs(d) < 0.15 for how in ("nearest", "stochastic") for d in of(what, 8, how))
    forward = [-d for what in ("weights", "activations") for d in of(what, 4, "stochastic")]
    said = f"costs weights and activations {min(forward):.1f} to {max(forward):.1f} points more"
    assert said in TEXT
    assert min(of("gradients", 4, "stochastic")) > 0
    low, lower = of("gradients", 2, "stochastic")
    assert f"in 2 bits it gives gradients back {low:.1f} and {lower:.1f} points" in TEXT
    for what in ("activations", "gradients"):
        changed = diffs("tensors", f"without a copy, {what} stochastic", 8)
        assert all(abs(d) < 0.5 for d in changed)
    four = diffs("tensors", "with a copy, gradients in 4 bits, nearest", 4)
    assert max(-loss for loss in four) < find_task("digits-mlp").margin
    training = " ".join((ROOT / "docs" / "training.md").read_text(encoding="utf-8").split())
    lost_points = " and ".join(f"{-loss:.2f}" for loss in four)
    assert f"rounding them to nearest loses {lost_points} points, less than a margin" in training
    lost = diffs("tensors", "without a copy, all nearest", 8)
    gained = diffs("tensors", "without a copy, updates stochastic", 8)
    for loss, gain in zip(lost, gained, strict=True):
        assert loss < -1 and gain > -0.8 * loss


def test_where_there_is_no_worst_schedule() -> None:
    """What is not trained on it is said in the last list of the page."""
    assert "were trained on `natural` only, and so were lane maps and words from operands." in TEXT
    for name, study in RESULT["studies"].items():
        rows = [row for row in study["rows"] if "gcd" in row]
        worst = {(row["series"], row["at"]) for row in rows if row["schedule"] == "worst"}
        only = {
            row["series"]
            for row in rows
            if row["schedule"] == "natural" and (row["series"], row["at"]) not in worst
        }
        if name == "sharing":
            assert only and all("4:4:zero:lfsr13,leap=4, " in series for series in only)
        elif name == "families":
            assert only and all(", operand-" in series for series in only)
        elif name == "formats":
            assert all(series.endswith(", nearest") for series in only)
        elif name not in ("resonance", "naive", "registers"):  # on the C named
            assert all(
                row["trained"].split(":")[1] == "0" or row["trained"] == row["against"]
                for row in rows
                if row["series"] in only and (row["series"], row["at"]) not in worst
            ), name
    assert all(row["schedule"] == "natural" for row in RESULT["studies"]["tensors"]["rows"])
