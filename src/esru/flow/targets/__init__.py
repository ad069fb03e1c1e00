"""The targets that a unit's cost can be measured on: one small file each, and a registry."""

from esru.flow.targets.caption import caption
from esru.flow.targets.registry import GROUP, TARGETS, all_targets, origin, target
from esru.flow.targets.target import Json, Register, Target, matches

__all__ = [
    "GROUP",
    "TARGETS",
    "Json",
    "Register",
    "Target",
    "all_targets",
    "caption",
    "matches",
    "origin",
    "target",
]
