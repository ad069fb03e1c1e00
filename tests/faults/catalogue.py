"""The seeded faults of all modules. A new module brings a file of its own, and a name here."""

from __future__ import annotations

import accumulator_faults
import array_faults
import demo_faults
import float_faults
import lane_faults
import load_faults
import oracle_faults
import rounder_faults
import source_faults
import table_faults
import text_faults
from fault import Fault

MODULES = (
    rounder_faults,
    table_faults,
    source_faults,
    lane_faults,
    load_faults,
    array_faults,
    accumulator_faults,
    float_faults,
    demo_faults,
    text_faults,
    oracle_faults,
)

FAULTS: dict[str, Fault] = {fault.name: fault for module in MODULES for fault in module.FAULTS}
