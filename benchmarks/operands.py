"""Study generator-free rounding on tensors taken from training.

Run as ``python benchmarks/operands.py [--write FILE]``; the committed figures lie in
docs/results/operands.json. Three parts: how the words that operand sources take behave on
captured tensors, what NIST SP 800-22 says of them as streams of bits, and what training with
them costs. Everything has a fixed seed: the int8 figures repeat to the last bit.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from esru.design import Design, parse
from esru.operand_quality import OperandQuality, meet, operand_quality
from esru.sources import source_model
from esru.sp800_22 import sp800_22
from esru.train import Job, Result, Task, tasks, train_batch
from esru.train.statistics import paired_difference, summarise

Ints = npt.NDArray[np.int64]
Json = dict[str, Any]

TASKS = ("digits-mlp", "digits-cnn")
LANES = 64
CAPTURE_LR = 2.0**-4
#: What every tensor is rounded with in the first part, and a generator for comparison.
RULE = "3:3:zero"
OPERANDS = ("operand-own", "operand-prev", "operand-neighbour", "operand-xor")
GENERATOR = "lfsr13,leap=4"
#: Dropped bits of float32 tensors.
FLOAT_DROPPED = 16
#: Bits of each stream that SP 800-22 sees.
STREAM_BITS = 1 << 17
#: The tensors of digits-mlp whose words it sees: those of all operands, or of those rounded.
STREAMS = (
    ("int8", "update 0", "all operands"),
    ("int8", "update 0", "roundings"),
    ("int8", "update 2", "roundings"),
    ("int8", "gradient 1", "roundings"),
    ("int8", "activation 1", "all operands"),
    ("int8", "activation 1, ReLU", "all operands"),
    ("float32", "update 0", "roundings"),
    ("float32", "weight 0", "roundings"),
    ("float32", "activation 1", "roundings"),
    ("bfloat16", "update 0", "roundings"),
)

#: The rule of the trainings, n + k = 7, and the dropped bits that hold the updates of the first
#: layer of digits-mlp exactly at each learning rate.
TRAIN_RULE = "4:3:half"
DROPPED = {2.0**-2: 8, 2.0**-4: 10, 2.0**-6: 12}
SEEDS = {"digits-mlp": 12, "digits-cnn": 6}


@dataclass(frozen=True, eq=False)
class Tensors:
    """One tensor over the steps of one run: its D dropped bits, step by step."""

    run: str
    name: str
    dropped: int
    fractions: list[Ints]


def design(start: str, source: str, dropped: int) -> Design:
    """Return a design with the dropped bits given; a neighbour is one of all lanes."""
    family, _, keys = source.partition(",")
    if family in ("operand-neighbour", "operand-xor"):
        keys = f"lanes={LANES}"
    tail = f",{keys}" if keys else ""
    return parse(f"{start}:{family}{tail},in=s{8 + dropped}.{dropped}")


def captured() -> list[Tensors]:
    """Return the tensors of the study, of one run each in int8 and float32."""
    from esru.train.capture import capture, capture_float32

    found = []
    for task in (tasks()[name] for name in TASKS):
        job = Job(parse("reference"), 0, CAPTURE_LR)
        names: tuple[str, ...] = ("update 0", "update 2", "weight 0", "gradient 1", "activation 1")
        if task.name == "digits-cnn":
            names = ("update 2", "gradient 1", "activation 1")
        steps = range(task.steps) if task.name == "digits-mlp" else range(0, task.steps, 16)
        _, kept = capture(task, job, steps)
        for name in names:
            chosen = [operands for operands in kept if operands.name == name]
            fractions = [operands.fractions for operands in chosen]
            run = f"{task.name}, int8"
            found.append(Tensors(run, name, chosen[0].dropped, fractions))
            if name == "activation 1":
                rectified = [operands.rectified().fractions for operands in chosen]
                found.append(Tensors(run, "activation 1, ReLU", chosen[0].dropped, rectified))
    task = tasks()["digits-mlp"]
    for bfloat16 in (False, True):
        _, kept = capture_float32(task, 0, CAPTURE_LR, range(task.steps), FLOAT_DROPPED, bfloat16)
        run = f"{task.name}, {'bfloat16' if bfloat16 else 'float32'}"
        for name in ("update 0", "weight 0", "activation 1"):
            fractions = [operands.fractions for operands in kept if operands.name == name]
            found.append(Tensors(run, name, FLOAT_DROPPED, fractions))
    return found


def measured(tensors: list[Tensors]) -> Iterator[Json]:
    """Yield the quality of each source on each tensor."""
    for tensor in tensors:
        for source in (*OPERANDS, GENERATOR):
            unit = design(RULE, source, tensor.dropped)
            found = operand_quality(unit, tensor.fractions, LANES)
            yield {
                "run": tensor.run,
                "tensor": tensor.name,
                "dropped": tensor.dropped,
                "source": source.partition(",")[0],
                **_rounded(found),
            }


def _rounded(found: OperandQuality) -> Json:
    """Return the figures, short: four digits say more than a sample knows."""
    row: Json = {"roundings": found.roundings, "seen": found.seen.tolist()}
    for key in ("exact", "empty", "word_entropy", "information", "excess", "excess_error",
                "deviation", "serial", "lane", "error_serial", "error_lane"):  # fmt: skip
        row[key] = _short(getattr(found, key))
    row["entropy"] = [_short(value) for value in found.entropy]
    row["p_up"] = [_short(value) for value in found.p_up]
    row["ideal"] = found.ideal.tolist()
    return row


def _short(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.4g}")


def word_bits(words: Ints, width: int) -> Ints:
    """Return the bits of some words, top bit first, as many as a stream has."""
    bits: Ints = (words[:, None] >> np.arange(width - 1, -1, -1) & 1).reshape(-1)
    assert bits.size >= STREAM_BITS
    return bits[:STREAM_BITS]


def streams(tensors: list[Tensors]) -> Iterator[tuple[str, Ints]]:
    """Yield the streams of bits that SP 800-22 sees, each with its name."""
    yield "PCG64", word_bits(np.random.PCG64(0).random_raw(STREAM_BITS).astype(np.int64) & 1, 1)
    for length, leap in ((8, 4), (13, 4), (24, 4), (32, 4)):
        unit = parse(f"{RULE}:lfsr{length},leap={leap}")
        words = source_model(unit).words(0, STREAM_BITS).astype(np.int64)
        yield f"lfsr{length}, k = 3, leap={leap}", word_bits(words, unit.k)
    found = {(tensor.run, tensor.name): tensor for tensor in tensors}
    for kind, name, which in STREAMS:
        tensor = found[f"digits-mlp, {kind}", name]
        for source in ("operand-own", "operand-xor"):
            unit = design(RULE, source, tensor.dropped)
            met = meet(unit, tensor.fractions, LANES)
            chosen = met.used if which == "all operands" else met.used & (met.fractions > 0)
            yield f"{kind} {name}, {source}, {which}", word_bits(met.words[chosen], unit.k)


def trained(task: Task) -> Iterator[Json]:
    """Yield the accuracy of each design at each learning rate, paired by seed."""
    seeds = range(SEEDS[task.name])
    widths = sorted(DROPPED.values()) if task.name == "digits-mlp" else [8, 12]
    units = {"nearest": parse("nearest"), GENERATOR.partition(",")[0]: parse(
        f"{TRAIN_RULE}:{GENERATOR}"
    )}  # fmt: skip
    for dropped in widths:
        for source in OPERANDS:
            units[f"{source}, D = {dropped}"] = design(TRAIN_RULE, source, dropped)
    every = {"reference": parse("reference")} | units
    cells = [(name, lr) for name in every for lr in task.learning_rates]
    jobs = [Job(every[name], seed, lr) for name, lr in cells for seed in seeds]
    results = train_batch(task, jobs, LANES)
    count = len(seeds)
    by_cell: dict[tuple[str, float], list[Result]] = {
        cell: results[i * count : (i + 1) * count] for i, cell in enumerate(cells)
    }
    for (name, lr), own in by_cell.items():
        accuracy = [run.accuracy for run in own]
        spread = summarise(accuracy)
        row: Json = {"task": task.name, "design": str(every[name]), "name": name, "lr": lr}
        row |= {"seeds": count, "accuracy": {"mean": spread.mean, "sd": spread.sd}}
        row |= {"source": every[name].source, "dropped": every[name].dropped}
        for other in ("reference", "nearest"):
            against = [run.accuracy for run in by_cell[other, lr]]
            found = paired_difference(accuracy, against, task.one_example)
            row[f"less_{other}"] = {
                "mean": found.mean, "sd": found.sd, "loss_bound": found.loss_bound(0.05)
            }  # fmt: skip
        yield row


def main() -> int:
    """Measure, print, and write the figures if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="file for the figures (JSON)")
    args = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    tensors = captured()
    rows = []
    for row in measured(tensors):
        rows.append(row)
        print(
            f"{row['run']}, {row['tensor']}, {row['source']}: {row['roundings']} roundings, word 0 "
            f"in {row['empty']:.1%}, entropy {row['word_entropy']} of 3, excess "
            f"{row['excess']:+.4f} ± {row['excess_error']:.4f} ulp"
        )
    training = []
    for task in (tasks()[name] for name in TASKS):
        for row in trained(task):
            training.append(row)
            print(
                f"{row['task']}, {row['design']}, lr {row['lr']:g}: {row['accuracy']['mean']:.2f} "
                f"%, less reference {row['less_reference']['mean']:+.2f}"
            )
    tests = []
    for name, bits in streams(tensors):
        values = {test: _short(value) for test, value in sp800_22(bits).items()}
        tests.append({"stream": name, "p": values})
        failed = [test for test, value in values.items() if value is not None and value < 0.01]
        print(f"{name}: fails {', '.join(failed) or 'nothing'}", flush=True)
    packages = ("nist80022", "numpy", "scikit-learn", "torch")
    figures = {
        "schema": "esru.benchmark-operands/1",
        "versions": {"python": platform.python_version()} | {p: version(p) for p in packages},
        "lanes": LANES,
        "capture_lr": CAPTURE_LR,
        "rule": RULE,
        "generator": GENERATOR,
        "stream_bits": STREAM_BITS,
        "tensors": rows,
        "streams": tests,
        "training": training,
    }
    if args.write:
        args.write.write_text(_compact(figures), encoding="utf-8")
        print(f"wrote {args.write}", file=sys.stderr)
    return 0


def _compact(figures: Json) -> str:
    """Return JSON with a line for each row."""
    parts = []
    for key, value in figures.items():
        if isinstance(value, list):
            rows = ",\n  ".join(json.dumps(row) for row in value)
            parts.append(f" {json.dumps(key)}: [\n  {rows}\n ]")
        else:
            parts.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    raise SystemExit(main())
