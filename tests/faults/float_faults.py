"""Seeded faults in float units: `esru.hdl.float_unit`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from amaranth.hdl import Cat, Const, Mux
from fault import DECISION, Fault, Plant

from esru.hdl import bank, float_unit, unit


def _result(patch: pytest.MonkeyPatch, fault: Callable[..., Any]) -> None:
    """Plant a fault around the whole lane, `fault(true, m, design, x, *rest)`."""
    true = float_unit.add_float_result
    for module in (bank, unit):
        patch.setattr(module, "add_float_result", lambda *args: fault(true, *args))


def _aligned(patch: pytest.MonkeyPatch, fault: Callable[[Any], Any]) -> None:
    true = float_unit._align
    patch.setattr(float_unit, "_align", lambda *args: fault(true(*args)))


def _mux_lost(patch: pytest.MonkeyPatch, name: str) -> None:
    def fault(condition: Any, value: Any, other: Any) -> Any:
        named = getattr(condition, "name", "").startswith(name)
        return other if named else Mux(condition, value, other)

    patch.setattr(float_unit, "Mux", fault)


def _fraction_one_bit_low(patch: pytest.MonkeyPatch) -> None:
    _aligned(patch, lambda found: found._replace(fraction=found.fraction[1:]))


def _window_from_the_wrong_end(patch: pytest.MonkeyPatch) -> None:
    """Plant the lowest n dropped bits where the top n belong."""
    true = float_unit._plain

    def fault(m: Any, source: Any, fields: Any, suffix: str) -> Any:
        exponent, significand = true(m, source, fields, suffix)
        return exponent, Cat(significand[1:-4], significand[0], significand[-4:])

    patch.setattr(float_unit, "_plain", fault)


def _subnormal_results_off_by_one(patch: pytest.MonkeyPatch) -> None:
    def fault(found: Any) -> Any:
        kept = Mux(found.field.any(), found.kept, found.kept >> 1)
        return found._replace(kept=kept[: len(found.kept)])

    _aligned(patch, fault)


def _subnormal_inputs_off_by_one(patch: pytest.MonkeyPatch) -> None:
    """Plant a subnormal's exponent field, 0, where it must count as 1."""
    true = float_unit._plain

    def fault(m: Any, source: Any, fields: Any, suffix: str) -> Any:
        return fields[source.fraction :], true(m, source, fields, suffix)[1]

    patch.setattr(float_unit, "_plain", fault)


def _inputs_flushed(patch: pytest.MonkeyPatch) -> None:
    """Plant a leading bit that is always 1: subnormal inputs and zero gain one."""
    true = float_unit._plain

    def fault(m: Any, source: Any, fields: Any, suffix: str) -> Any:
        exponent, significand = true(m, source, fields, suffix)
        return exponent, Cat(significand[:-1], Const(1, 1))

    patch.setattr(float_unit, "_plain", fault)


def _normalised_off_by_one(patch: pytest.MonkeyPatch) -> None:
    true = float_unit._normalised

    def fault(m: Any, source: Any, fields: Any, suffix: str) -> Any:
        exponent, significand = true(m, source, fields, suffix)
        return exponent - (fields[source.fraction :] == 0), significand

    patch.setattr(float_unit, "_normalised", fault)


def _carry_lost(patch: pytest.MonkeyPatch) -> None:
    """Plant an increment that does not carry into the exponent."""
    true = float_unit.add_round_up

    def fault(*args: Any) -> Any:
        return true(*args) & ~fault.kept.all()

    def seen(found: Any) -> Any:
        fault.kept = found.kept
        return found

    _aligned(patch, seen)
    patch.setattr(float_unit, "add_round_up", fault)


def _sign_lost(patch: pytest.MonkeyPatch) -> None:
    _result(patch, lambda true, *args: Cat(true(*args)[:-1], Const(0, 1)))


def _saturates_anyway(patch: pytest.MonkeyPatch) -> None:
    _result(
        patch, lambda true, m, design, *rest: true(m, replace(design, overflow="saturate"), *rest)
    )


def _infinity_is_finite(patch: pytest.MonkeyPatch) -> None:
    """Plant a converter that sees no infinity where the output reaches beyond the input."""
    patch.setattr(float_unit, "Fraction", lambda value: 1 << 200)


def _scale_the_wrong_way(patch: pytest.MonkeyPatch) -> None:
    true = float_unit._align

    def fault(m: Any, design: Any, fields: Any, scale: Any, suffix: str) -> Any:
        return true(m, design, fields, ~scale, suffix)

    patch.setattr(float_unit, "_align", fault)


def _scale_off_by_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(float_unit, "SCALE_BIAS", 128)


def _fault(name: str, what: str, design: str, plant: Plant) -> Fault:
    return Fault(name, "float_unit", what, f"{design},boundary=unit", plant, DECISION)


FAULTS = [
    _fault(
        "float: fraction one bit low",
        "the rule sees the n bits below those that it should",
        "4:4:zero:lfsr5,out=ocp_e4m3",
        _fraction_one_bit_low,
    ),
    _fault(
        "float: wrong dropped bits",
        "the lowest of the dropped bits stand where the top n belong",
        "6:3:half:lfsr5,in=bfloat16,out=ocp_e2m1",
        _window_from_the_wrong_end,
    ),
    _fault(
        "float: subnormal results off by one",
        "a subnormal result keeps one bit less",
        "8:5:half:lfsr7,out=ocp_e3m2",
        _subnormal_results_off_by_one,
    ),
    _fault(
        "float: subnormal inputs off by one",
        "the exponent of a subnormal input counts as 0, not 1",
        "8:3:replicate:lfsr9,leap=5,lanes=4,in=float16,out=ocp_e4m3",
        _subnormal_inputs_off_by_one,
    ),
    _fault(
        "float: leading bit always 1",
        "subnormal inputs and zero gain a leading bit",
        "8:3:half:lfsr5,in=float16,out=ocp_e5m2",
        _inputs_flushed,
    ),
    _fault(
        "float: leading zeros off by one",
        "a subnormal input is normalised one bit too far",
        "3:3:zero:debruijn4,in=float16,out=bfloat16",
        _normalised_off_by_one,
    ),
    _fault(
        "float: carry into the exponent lost",
        "a significand of all ones does not round up",
        "6:5:select:lfsr7,out=ocp_e2m3",
        _carry_lost,
    ),
    _fault(
        "float: missing saturation",
        "a result beyond the greatest number is not replaced",
        "8:3:zero:lfsr5,out=ocp_e2m1",
        lambda patch: _mux_lost(patch, "over"),
    ),
    _fault(
        "float: NaN lost",
        "NaN is converted like a number",
        "8:3:zero:lfsr5,out=ocp_e5m2,overflow=nonsaturate",
        lambda patch: _mux_lost(patch, "nan"),
    ),
    _fault(
        "float: sign lost",
        "every result is positive",
        "8:3:zero:lfsr5,in=bfloat16,out=ocp_e4m3",
        _sign_lost,
    ),
    _fault(
        "float: saturates anyway",
        "overflow saturates where it must not",
        "8:3:zero:lfsr5,out=ocp_e4m3,overflow=nonsaturate",
        _saturates_anyway,
    ),
    _fault(
        "float: scale the wrong way",
        "a block's scale multiplies instead of dividing",
        "8:3:half:lfsr5,in=mx_float32,out=ocp_e2m1",
        _scale_the_wrong_way,
    ),
    _fault(
        "float: scale off by one",
        "a block's scale has another bias",
        "8:3:half:lfsr5,in=mx_bfloat16,out=ocp_e2m1",
        _scale_off_by_one,
    ),
    _fault(
        "float: infinity is finite",
        "infinity is converted like a number",
        "3:3:zero:lfsr4,in=float16,out=bfloat16",
        _infinity_is_finite,
    ),
]
