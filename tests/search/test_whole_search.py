"""Whole searches with a judge that takes milliseconds: results, accumulators, and no answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from esru.boundaries import ACCUMULATORS, more_inputs
from esru.design import parse

HERE = Path(__file__).parent

#: One bit is enough for a winner that is not trivial: rounding at random by the upper fraction
#: bit loses 7.4 in the mean, round to nearest 11, truncating 22.
MARGIN = "9"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the cache of all searches here: what two of them need is costed once."""
    return tmp_path_factory.mktemp("cache")


def search(
    folder: Path, cache: Path, boundary: str, margin: str
) -> subprocess.CompletedProcess[str]:
    command = ["search", "--bits", "1", "--lanes", "1", "--target", "lut6", "--boundary", boundary]
    command += ["--evaluator", "toy_evaluator:evaluate", "--margin", margin, "--json"]
    places = {"ESRU_CACHE": str(cache), "ESRU_RUNS": str(folder), "ESRU_JOBS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "esru", *command],
        cwd=HERE,
        env=os.environ | places,
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.slow
@pytest.mark.parametrize("boundary", ["result", *ACCUMULATORS])
def test_a_search_at_the_boundary_of_another_datapath(
    boundary: str, tmp_path: Path, cache: Path
) -> None:
    """To its end: the winner is a unit of that boundary, and so is the hardware that is proved."""
    done = search(tmp_path, cache, boundary, MARGIN)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert (found["status"], found["boundary"], found["target"]) == ("done", boundary, "lut6")
    winner = parse(found["winner"]["design"])
    assert winner.boundary == boundary
    assert (winner.n, winner.k, winner.rule) == (1, 1, "zero"), "the carry of a sum, and random"
    cost = found["winner"]["cost"]["lut6"]
    if boundary == "result":
        # The unit's LUTs, without its output register.
        assert 0 < cost[boundary]["cells"] == cost["unit"]["cells"]
        assert cost["unit"]["ff"] - cost[boundary]["ff"] == winner.out_format.width
    else:
        # What rounding adds to the accumulator: less than a unit with an adder of its own.
        assert 0 < cost[boundary]["cells"] < cost["unit"]["cells"]
    assert found["winner"]["verdict"] == "accepted"
    proof = found["proof"]
    assert {check["level"] for check in proof} == {"simulation", "cocotb", "formal"}
    assert all(check["passed"] for check in proof)
    assert "module == reference (PDR)" in {check["name"] for check in proof}
    folder = Path(found["run"])
    kept = json.loads((folder / "winner" / "proof.json").read_text(encoding="utf-8"))
    assert parse(kept["design"]) == winner and kept["checks"] == proof
    interface = json.loads((folder / "winner" / "interface.json").read_text(encoding="utf-8"))
    assert (interface["boundary"], interface["latency"]) == (boundary, winner.latency)
    ports = {port["name"] for port in interface["ports"]}
    assert ports & {"w", "first"} == set(more_inputs(winner, 1))
    assert bool(ports & {"w", "first"}) == (boundary in ACCUMULATORS)
    assert f"wrote {folder} (report.html, front.svg, winner/)" in done.stderr.splitlines()


@pytest.mark.slow
def test_where_no_unit_trains_well_enough_there_is_no_winner(tmp_path: Path, cache: Path) -> None:
    done = search(tmp_path, cache, "dither", "2")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert (found["status"], found["winner"], found["proof"]) == ("infeasible", None, [])
    folder = Path(found["run"])
    assert not (folder / "winner").exists()
    *_, wrote, told = done.stderr.splitlines()
    assert wrote == f"wrote {folder} (report.html, front.svg)"
    assert told == (
        "next: esru search --bits 2 --target lut6 --boundary dither --lanes 1 "
        "--evaluator toy_evaluator:evaluate --margin 2.0, or a --margin wider than 2"
    )
