"""Train a low-bit network with exactly a design's rounding."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from esru.cli.terminal import add_json, emit_json, note, progress, read_design
from esru.design import Design
from esru.design_text import copied_design
from esru.errors import InputError
from esru.formats import INT8
from esru.report.training import training_text
from esru.train import SCHEDULES, find_task, schedule_cycles
from esru.train.admission import (
    ALPHA,
    check_controls,
    compare_with_controls,
    row_json,
    run_controls,
)
from esru.train.batch import check_device, train_batch
from esru.train.experiment import Cell, compare
from esru.train.needs import require_training
from esru.train.tasks import Job, Task, check_job
from esru.train.unit_formats import counterpart, formats_of, in_format, trained_unit

if TYPE_CHECKING:
    from esru.search.image_scores import StoredScores
    from esru.train.images.training import ImageTraining

MAX_SEEDS = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add = parser.add_argument
    add("design", metavar="DESIGN", nargs="?", help="what to train with (see esru list)")
    add("--task", default="digits-mlp", metavar="T", help="esru list tasks (default digits-mlp)")
    add("--seeds", type=int, default=8, metavar="N", help="runs of each cell (default 8)")
    add("--seed0", type=int, default=0, metavar="S", help="the first seed (default 0)")
    add(
        "--schedule",
        action="append",
        metavar="S",
        help="natural, worst or fixed:C, where C cycles lie between two steps; may be repeated "
        "(default natural and worst)",
    )
    add("--lanes", type=int, default=64, metavar="M", help="lanes of the array (default 64)")
    add(
        "--format", metavar="F",
        help="format that weights are stored in, such as int4 or ocp_e4m3 (default the design's "
        "own, int8)",
    )  # fmt: skip
    add(
        "--against", metavar="DESIGN",
        help="what to compare with, in the design's formats unless it names its own "
        "(default reference)",
    )  # fmt: skip
    add(
        "--controls", action=argparse.BooleanOptionalAction,
        help="float32, nearest and the reference as well: may the task judge? With DESIGN by "
        "default; where asked for, a no is exit code 1; without DESIGN, the controls alone",
    )  # fmt: skip
    add(
        "--data", metavar="DIR",
        help="your images, for cifar10-resnet20 (docs/data.md); --no-controls spares at least "
        "two runs a seed",
    )  # fmt: skip
    add("--epochs", type=int, metavar="N", help="with --data: passes over the images (default 30)")
    add(
        "--device", default="cpu", metavar="D",
        help="torch device (default cpu); float32 stays on the CPU, except with --data",
    )  # fmt: skip
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Train a design, its reference and the controls, or what of these is asked for."""
    own, kept = _own_data(args)
    task = find_task(args.task) if own is None else own.task
    if args.design is None and not args.controls:
        raise InputError.must("DESIGN", "given, unless --controls is", "missing")
    if args.design is None:
        # The controls alone have a schedule of their own, and are compared with float32.
        for option, value in (("--schedule", args.schedule), ("--against", args.against)):
            if value is not None:
                told = value if isinstance(value, str) else ", ".join(value)
                raise InputError.must(option, "left out without DESIGN", told)
    if not 1 <= args.seeds <= MAX_SEEDS:
        raise InputError.must("Seeds", f"between 1 and {MAX_SEEDS}", args.seeds)
    if args.seed0 < 0:
        raise InputError.must("First seed", "at least 0", args.seed0)
    schedules = list(dict.fromkeys(args.schedule or SCHEDULES))
    if args.format is not None and task.gradients:
        raise InputError.must("--format", f"left out with {task.name}", args.format)
    design = against = None
    formats: tuple[str, str | None] = (args.format or str(INT8), None)
    if args.design is not None:
        design = read_design(args.design)
        if args.format is not None:
            design = in_format(design, args.format)
        formats = formats_of(design)
        against = counterpart(read_design(args.against or "reference"), *formats)
        for unit in (design, against):
            check_job(task, Job(unit, args.seed0, task.learning_rates[0]))
            for schedule in schedules:
                schedule_cycles(task, unit, schedule, args.lanes)
            if own is not None:
                own.check(unit, args.lanes)
    controls = design is not None if args.controls is None else args.controls
    if controls:
        for unit in check_controls(task, formats):
            schedule_cycles(task, unit, "natural", args.lanes)
    require_training()
    check_device(args.device)
    import torch

    torch.set_num_threads(1)
    seeds = range(args.seed0, args.seed0 + args.seeds)
    content: dict[str, Any] = {"design": None, "task": task.name, "lanes": args.lanes}
    content |= {"format": None if task.gradients else formats[0]}
    content |= {"seeds": args.seeds, "seed0": args.seed0}
    if own is not None:
        content |= {"data": own.source, "epochs": task.epochs}
    cells: list[Cell] = []
    admission = None
    train = own.jobs if own else train_batch
    float32 = own.float32 if own else None
    if design is None or against is None:
        admission = run_controls(
            task, seeds, args.lanes, formats=formats,
            device=args.device, stage=progress, train=train, float32=float32,
        )  # fmt: skip
    elif controls:
        (cells,), admission = compare_with_controls(
            task, [design], against, seeds, schedules, args.lanes, formats=formats,
            device=args.device, stage=progress, train=train, float32=float32,
        )  # fmt: skip
    else:
        with progress(f"training {task.name}") as step:
            cells = compare(
                task, design, against, seeds, schedules, args.lanes,
                device=args.device, progress=step, train=train,
            )  # fmt: skip
    if design is not None and against is not None:
        content |= _content(task, design, against, cells, args.lanes)
    if admission is not None:
        content |= admission.to_json()
    if kept is not None and kept.known:
        runs = "1 run was" if kept.known == 1 else f"{kept.known} runs were"
        note(f"{runs} known from before ({kept.path})")
    if args.json:
        emit_json("train", _versions(), content)
    else:
        print(training_text(content, task))
        told = "reference" if design is None else copied_design(design)
        note(f"next: esru show {told} or esru search --bits 8")
    asked = args.controls is True
    return 1 if asked and admission is not None and not admission.admitted else 0


def _own_data(args: argparse.Namespace) -> tuple[ImageTraining, StoredScores] | tuple[None, None]:
    """Return what trains on the user's own images, and keeps what runs came to.

    None if the task brings its data.
    """
    from esru.train.images.folder import describe, load_images
    from esru.train.images.task import RESNET20, SHAPE, task_of

    if args.task != RESNET20.name:
        for option, value in (("--data", args.data), ("--epochs", args.epochs)):
            if value is not None:
                raise InputError.must(option, f"left out, except with {RESNET20.name}", value)
        return None, None
    if args.data is None:
        error = InputError.must("--data", "a folder of your images", "missing")
        raise InputError(f"{error}; the layouts are:\n{describe(SHAPE)}")
    require_training()
    images = load_images(args.data, shape=SHAPE)
    task = task_of(images, args.epochs)
    check_device(args.device)
    from esru.search.image_scores import StoredScores
    from esru.train.images.training import ImageTraining

    versions = {name: text for name, text in _versions().items() if name in ("numpy", "torch")}
    kept = StoredScores(versions, data=images.checksums, epochs=task.epochs, device=args.device)
    return ImageTraining(task, images, args.device, kept), kept


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    from esru import __version__

    packages = ("numpy", "scikit-learn", "scipy", "torch")
    return {"esru": __version__} | {name: version(name) for name in packages}


def _content(
    task: Task, design: Design, against: Design, cells: list[Cell], lanes: int
) -> dict[str, Any]:
    return {
        "design": str(design),
        "id": design.id,
        "behaviour": design.behaviour,
        "unit": str(trained_unit(task, design)),
        "against": str(against),
        "margin": task.margin,
        "alpha": ALPHA,
        "period": _period(design, lanes) or None,
        "schedule": {cell.schedule: {"C": cell.cycles, "gcd": cell.gcd} for cell in cells},
        "tests": [
            {"task": task.name, "lr": cell.lr, "schedule": cell.schedule} | row_json(cell)
            for cell in cells
        ],
    }


def _period(design: Design, lanes: int) -> int:
    from esru.emulate import Array

    return Array(design, lanes).period
