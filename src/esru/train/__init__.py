"""Low-bit training in which exactly the hardware's words round every weight update.

A training is a batch of runs: jobs (design, seed, learning rate, schedule) of one task. Only
`train_batch` needs torch and scikit-learn (the extra ``train``); tasks and schedules do not.
"""

from __future__ import annotations

from esru.train.batch import train_batch
from esru.train.schedule import SCHEDULES, Schedule, schedule_cycles
from esru.train.tasks import Job, Result, Task, find_task, tasks

__all__ = [
    "SCHEDULES",
    "Job",
    "Result",
    "Schedule",
    "Task",
    "find_task",
    "schedule_cycles",
    "tasks",
    "train_batch",
]
