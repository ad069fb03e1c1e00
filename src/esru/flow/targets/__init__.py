"""The targets that a unit's cost can be measured on: one small file each, and a registry."""

from esru.flow.targets.registry import GROUP, TARGETS, all_targets, origin, target
from esru.flow.targets.target import Json, Target, matches

__all__ = ["GROUP", "TARGETS", "Json", "Target", "all_targets", "matches", "origin", "target"]
