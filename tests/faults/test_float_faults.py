"""Seeded faults in float units: every level turns red at each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Cat, Const, Mux

from esru.design import parse
from esru.flow.verify import LEVELS, verify
from esru.hdl import bank, float_unit, unit

Plant = Callable[[pytest.MonkeyPatch], None]


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


FAULTS: dict[str, tuple[Plant, str]] = {
    "fraction one bit low": (_fraction_one_bit_low, "4:4:zero:lfsr5,out=ocp_e4m3"),
    "wrong dropped bits": (_window_from_the_wrong_end, "6:3:half:lfsr5,in=bfloat16,out=ocp_e2m1"),
    "subnormal results off by one": (_subnormal_results_off_by_one, "8:5:half:lfsr7,out=ocp_e3m2"),
    "subnormal inputs off by one": (
        _subnormal_inputs_off_by_one,
        "8:3:replicate:lfsr9,leap=5,lanes=4,in=float16,out=ocp_e4m3",
    ),
    "leading bit always 1": (_inputs_flushed, "8:3:half:lfsr5,in=float16,out=ocp_e5m2"),
    "leading zeros off by one": (
        _normalised_off_by_one,
        "3:3:zero:debruijn4,in=float16,out=bfloat16",
    ),
    "carry into the exponent lost": (_carry_lost, "6:5:select:lfsr7,out=ocp_e2m3"),
    "missing saturation": (lambda patch: _mux_lost(patch, "over"), "8:3:zero:lfsr5,out=ocp_e2m1"),
    "NaN lost": (
        lambda patch: _mux_lost(patch, "nan"),
        "8:3:zero:lfsr5,out=ocp_e5m2,overflow=nonsaturate",
    ),
    "sign lost": (_sign_lost, "8:3:zero:lfsr5,in=bfloat16,out=ocp_e4m3"),
    "saturates anyway": (_saturates_anyway, "8:3:zero:lfsr5,out=ocp_e4m3,overflow=nonsaturate"),
    "scale the wrong way": (_scale_the_wrong_way, "8:3:half:lfsr5,in=mx_float32,out=ocp_e2m1"),
    "scale off by one": (_scale_off_by_one, "8:3:half:lfsr5,in=mx_bfloat16,out=ocp_e2m1"),
    "infinity is finite": (_infinity_is_finite, "3:3:zero:lfsr4,in=float16,out=bfloat16"),
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", FAULTS)
def test_every_level_sees_the_fault(
    name: str, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant, text = FAULTS[name]
    design = parse(f"{text},boundary=unit")
    plant(monkeypatch)
    checks = verify(design, levels=[level], workdir=tmp_path)
    failed = [check for check in checks if not check.passed]
    assert failed, f"{level} did not see: {name}"
    assert all(check.detail for check in failed)


def test_nothing_is_red_without_a_fault(tmp_path: Path) -> None:
    for text in ("4:4:zero:lfsr5,out=ocp_e4m3", "3:3:zero:lfsr4,in=float16,out=bfloat16"):
        checks = verify(parse(f"{text},boundary=unit"), workdir=tmp_path)
        assert all(check.passed for check in checks)
