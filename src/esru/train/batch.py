"""`train_batch`: any mixture of jobs, each distinct run trained once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from esru.design import Design
from esru.emulate.stream import DEFAULT_LANES
from esru.errors import InputError
from esru.train.needs import require_training
from esru.train.schedule import schedule_cycles
from esru.train.tasks import Job, Result, Task, check_job, find_task
from esru.train.unit_formats import trained_unit

#: Two jobs with the same key are the same run: behaviour, seed, learning rate, cycles C.
_Key = tuple[str, int, float, int]


def check_device(name: str) -> None:
    """Refuse a device that torch cannot use here.

    Raises
    ------
    InputError
        With torch's own reason.
    """
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        # What torch raises for an unknown name, a build without CUDA, and one without kernels.
        reason = str(error).partition("\n")[0]
        raise InputError.must(
            "Device", "one that torch can use here", f"{name!r} ({reason})"
        ) from None


def train_batch(
    task: Task | str,
    jobs: Sequence[Job],
    lanes: int = DEFAULT_LANES,
    *,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> list[Result]:
    """Train every job and return the results in the same order.

    Jobs may mix designs, seeds, learning rates and schedules freely. A result depends on its own
    job alone, to the last bit. Jobs that are the same run (equal behaviour, and schedules with
    equal C) are trained once. Set ``torch.set_num_threads(1)`` in a process that calls this:
    the matrices are small and threads only get in each other's way.

    Parameters
    ----------
    task : Task or str
        A task or its name.
    jobs : sequence of Job
        What to train.
    lanes : int
        Lanes of the array that updates the weights.
    device : str
        A torch device. The arithmetic is exact wherever float32 matrices are multiplied in
        float32 (TF32 off, torch's default); golden runs are tests on the CPU, and on CUDA where
        there is a device.
    progress : callable, optional
        Called with the numbers of runs done and in all.

    Returns
    -------
    list of Result
        One per job.

    Raises
    ------
    InputError
        If a job does not suit the task; nothing has been trained then.
    ToolMissing
        If torch or scikit-learn is not installed.
    """
    task = find_task(task) if isinstance(task, str) else task
    keys: list[_Key] = []
    behaviours: dict[Design, str] = {}
    given = jobs
    for job in given:
        check_job(task, job)
    jobs = [replace(job, design=trained_unit(task, job.design)) for job in given]
    for job in jobs:
        cycles, _ = schedule_cycles(task, job.design, job.schedule, lanes)
        behaviour = behaviours.setdefault(job.design, job.design.behaviour)
        keys.append((behaviour, job.seed, job.lr, cycles))
    require_training()
    check_device(device)
    import torch

    from esru.emulate.runs import batch_key
    from esru.train.engine import run_batch

    groups: dict[object, dict[_Key, Job]] = {}
    for key, job in zip(keys, jobs, strict=True):
        groups.setdefault(batch_key(job.design), {}).setdefault(key, job)
    total = sum(len(group) for group in groups.values())
    done: dict[_Key, Result] = {}
    if progress is not None:
        progress(0, total)
    for group in groups.values():
        # Runs that share their words lie side by side, and so mostly in the same part.
        pending = sorted(group.items(), key=lambda item: (item[0][0], item[0][3]))
        # Parts of equal size: a last part of a few runs would cost almost as much as a full one.
        size = -(-len(pending) // -(-len(pending) // task.together))
        for low in range(0, len(pending), size):
            part = pending[low : low + size]
            results = run_batch(task, [job for _, job in part], lanes, torch.device(device))
            done.update(zip((key for key, _ in part), results, strict=True))
            if progress is not None:
                progress(len(done), total)
    return [
        replace(done[key], design=job.design, schedule=job.schedule)
        for key, job in zip(keys, given, strict=True)
    ]
