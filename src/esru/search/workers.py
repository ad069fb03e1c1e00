"""Local worker processes, and what they do; nothing here outlives its parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import connection
from typing import TYPE_CHECKING, Any

from esru.design import Design, parse
from esru.errors import InputError

if TYPE_CHECKING:
    from esru.train import Task


def worker_count() -> int:
    """Return how many worker processes to run: `ESRU_JOBS`, else one a core.

    Raises
    ------
    InputError
        If `ESRU_JOBS` is not a positive integer.
    """
    text = os.environ.get("ESRU_JOBS", "")
    if not text:
        return len(os.sched_getaffinity(0))
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise InputError.must("ESRU_JOBS", "an integer of at least 1", repr(text))
    return int(text)


def _follow_parent() -> None:
    """End this process when the parent is gone, however it went (SIGKILL leaves no word)."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def _start_worker() -> None:
    # Ctrl-C reaches the whole process group; the parent decides what becomes of the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One thread a worker: more of them on few cores wait for each other.
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    threading.Thread(target=_follow_parent, daemon=True).start()


@contextmanager
def local_workers(count: int) -> Iterator[Executor]:
    """Run a pool of worker processes; they are ended at once if the block is left by an error."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_start_worker)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            child.terminate()
        raise
    pool.shutdown()


def cost_chunk(
    designs: Sequence[str], target: str, boundary: str, structure: str = "plain"
) -> list[dict[str, Any]]:
    """Cost some designs (in a worker)."""
    from esru.flow.cost import lane_costs

    costs = lane_costs([parse(d) for d in designs], target, boundary, structure=structure)
    return [cost.to_json() for cost in costs]


def train_chunk(
    task: str, jobs: Sequence[tuple[str, int, float, str]], lanes: int
) -> list[dict[str, float]]:
    """Train some (design, seed, learning rate, schedule) (in a worker)."""
    import torch

    from esru.train import Job, tasks, train_batch

    torch.set_num_threads(1)
    designs: dict[str, Design] = {text: parse(text) for text in {job[0] for job in jobs}}
    batch = [Job(designs[text], seed, lr, schedule) for text, seed, lr, schedule in jobs]
    chosen = tasks()[task]
    return [_reached(chosen, r.accuracy, r.loss) for r in train_batch(chosen, batch, lanes=lanes)]


def float32_chunk(task: str, runs: Sequence[tuple[int, float]]) -> list[dict[str, float]]:
    """Train some (seed, learning rate) in float32 (in a worker)."""
    import torch

    from esru.train import tasks
    from esru.train.control import train_float32

    torch.set_num_threads(1)
    chosen = tasks()[task]
    found = [train_float32(chosen, seed, lr) for seed, lr in runs]
    return [_reached(chosen, control.accuracy, control.loss) for control in found]


def _reached(task: Task, accuracy: float, loss: float) -> dict[str, float]:
    return {"accuracy": accuracy, "loss": loss, "score": task.score(accuracy, loss)}
