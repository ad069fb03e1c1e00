"""The fused kernels, run by Triton's interpreter on the CPU: `test_fused.py` starts this file.

Triton chooses its interpreter when a kernel is defined, so that this takes a process of its own,
with TRITON_INTERPRET=1. What is expected is the plain way's result, which other tests compare with
the scalar reference, the simulation and the hardware.
"""

from __future__ import annotations

import ast
import subprocess
import warnings

import numpy as np
import pytest
import torch
from emulate.test_device import DESIGNS
from triton.compiler.errors import CompilationError, UnsupportedLanguageConstruct
from triton.runtime.errors import OutOfResources, PTXASError

from esru.design import parse
from esru.emulate import fused, fused_kernel, round_tensor
from esru.emulate.device import BLOCK, device_values
from esru.emulate.fused import round_fused
from esru.errors import InputError
from esru.float_formats import FLOAT_INPUTS, FLOAT_OUTPUTS

RULES = [
    "24:24:zero:lfsr24",
    "24:23:select:lfsr24",
    "1:1:zero:lfsr2",
    "24:11:half:lfsr12,lanes=2",
    # Tables of decisions: a word each, and codes with weights.
    "2:2:table-ec80:lfsr7,leap=2",
    "4:4:table-c0fcff00.11.5:lfsr13,leap=4",
    # Formats without a sign, and the widest for which a word is still a float32.
    "8:8:zero:lfsr8,in=u16.8,out=u8.0",
    "6:5:nearest:lfsr9,leap=5,out=s24.0",
    "4:3:zero:lfsr3,out=s2.0",
]
OVERFLOWS = ["", ",overflow=wrap"]

#: Floats where rounding goes wrong: subnormal numbers, just below integers, beyond the format.
TRAPS = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1e-45, -1e-45, 1e-38, -1e-38, 2.0**-25, -(2.0**-25)]
TRAPS += [1 - 2.0**-24, -1 + 2.0**-24, 127.5, -127.5, 127.99999, -128.00001, 255.99998, -256.0]
TRAPS += [16777215.0, -16777216.0, 1e9, -1e9, 3e38, -3e38, float("inf"), float("-inf")]


def examples(size: int) -> np.ndarray:
    """Return float32 values of every size, the traps last; seed 1."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=size) * 2.0 ** rng.integers(-26, 9, size)
    count = min(size, len(TRAPS))
    values[size - count :] = TRAPS[:count]
    return values.astype(np.float32)


def both(
    monkeypatch: pytest.MonkeyPatch, text: str, x: torch.Tensor, *args: object, **named: object
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what the plain way and a kernel make of a tensor, the same phase after both."""
    design = parse(text)
    launched, launch = [], fused._launch
    monkeypatch.setattr(fused, "_launch", lambda *given: launched.append(launch(*given)))
    monkeypatch.setenv("ESRU_FUSED", "off")
    expected, following = round_tensor(design, x, *args, **named)
    assert not launched, "the kernel was used"
    monkeypatch.setenv("ESRU_FUSED", "on")
    found, same = round_tensor(design, x, *args, **named)
    assert len(launched) == (x.numel() > 0), "the kernel was not used"
    monkeypatch.setattr(fused, "_launch", launch)
    assert following == same
    assert found.dtype == expected.dtype and found.shape == expected.shape
    return expected, found


def same(expected: torch.Tensor, found: torch.Tensor) -> bool:
    """Return whether values are the same, signs of zeros too; NaN is NaN."""
    numbers = ~expected.isnan()
    return bool(
        torch.equal(expected.isnan(), found.isnan())
        and torch.equal(expected[numbers], found[numbers])
        and torch.equal(expected[numbers].signbit(), found[numbers].signbit())
    )


def test_the_interpreter_runs() -> None:
    assert fused_kernel.INTERPRETED


@pytest.mark.parametrize(
    "text",
    [
        "papers",
        "8:7:select:lfsr13,leap=7,lanes=64",
        "4:4:table-c0fcff00.11.5:lfsr13,leap=4,overflow=wrap",
        "8:8:zero:lfsr32,leap=11",
        "8:8:zero:lfsr8,out=ocp_e4m3",
    ],
)
def test_in_short(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    x = torch.from_numpy(examples(2 * BLOCK + 5))
    assert same(*both(monkeypatch, text, x, 250))


@pytest.mark.slow
@pytest.mark.parametrize("overflow", OVERFLOWS)
@pytest.mark.parametrize("text", DESIGNS + RULES)
def test_fixed_point(monkeypatch: pytest.MonkeyPatch, text: str, overflow: str) -> None:
    """Every source, map and rule, from the table or not, over the end of a period."""
    design = parse(text + overflow)
    lanes = 8 if design.length > 24 else 64
    if lanes % design.lanes:
        lanes = design.lanes
    period = max(device_values(design, lanes, torch.device("cpu")).array.period, 4)
    x = torch.from_numpy(examples(2 * BLOCK + 5))
    for values, phase in ((x, period - 3), (x.double(), 2**40 + 12345)):
        assert same(*both(monkeypatch, text + overflow, values, phase, lanes))


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [1, 2, 3, 24, 64, 1000, 1024])
@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK - 1])
def test_sizes_and_lanes(monkeypatch: pytest.MonkeyPatch, size: int, lanes: int) -> None:
    x = torch.from_numpy(examples(size))
    for text in ("8:8:zero:lfsr8", "3:2:zero:lfsr2", "8:8:zero:lfsr32,leap=11", "8:0:zero:none"):
        for phase in (0, 254, 2):
            assert same(*both(monkeypatch, text, x, phase, lanes))


@pytest.mark.slow
@pytest.mark.parametrize("text", ["8:8:zero:lfsr8", "6:5:select:lfsr7,leap=5,lanes=4,map=rotate"])
def test_every_phase_of_a_short_period(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    x = torch.from_numpy(examples(300))
    for phase in range(260):
        assert same(*both(monkeypatch, text, x, phase))


def pairs() -> list[str]:
    """Return the formats of every float unit that there is."""
    found = []
    for source in FLOAT_INPUTS:
        for out in FLOAT_OUTPUTS:
            for overflow in ("saturate", "nonsaturate"):
                text = f"in={source},out={out},overflow={overflow}"
                try:
                    parse(f"4:4:zero:lfsr9,leap=4,{text}")
                except InputError:
                    continue
                found.append(text)
    return found


PLAIN = [text for text in pairs() if "in=mx_" not in text]


def patterns(kind: torch.dtype) -> torch.Tensor:
    """Return every value of a type of 16 bits; of float32 each binade's ends and what lies between.

    Infinities and NaN are among them.
    """
    if kind != torch.float32:
        every = np.arange(1 << 16).astype(np.uint16)
        return torch.from_numpy(every.view(np.int16)).view(kind)
    every = np.arange(1 << 13) << 19
    bits = np.concatenate([every, every | 1, every | 0x7FFFF])
    return torch.from_numpy(bits.astype(np.uint32).view(np.int32)).view(kind)


def test_there_are_pairs_of_every_format() -> None:
    assert len(pairs()) > 30
    for name in (*FLOAT_INPUTS, *FLOAT_OUTPUTS):
        assert any(f"={name}," in text for text in pairs()), name


@pytest.mark.slow
@pytest.mark.parametrize("formats", PLAIN)
def test_floats(monkeypatch: pytest.MonkeyPatch, formats: str) -> None:
    """Every value of an input of 16 bits, and many of float32."""
    name = formats.removeprefix("in=").partition(",")[0]
    values = patterns(getattr(torch, name))
    assert same(*both(monkeypatch, f"4:4:zero:lfsr9,leap=4,{formats}", values, 500))
    few = values[::61]
    assert same(*both(monkeypatch, f"2:2:table-ec80:lfsr7,leap=2,{formats}", few, 500))


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "20:20:zero:lfsr24,out=ocp_e4m3",
        "8:7:select:lfsr13,leap=7,lanes=64,out=ocp_e5m2",
        "24:24:zero:lfsr32,form=galois,leap=26,out=ocp_e3m2",
        # More rounding bits than a normal number drops.
        "22:9:replicate:lfsr10,leap=9,out=ocp_e5m2",
        "24:20:zero:lfsr27,leap=23,lanes=2,map=rotate,out=bfloat16",
        "12:5:half:lfsr6,lanes=8,map=delay,out=ocp_e2m3",
    ],
)
def test_rules_of_float_units(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    rng = np.random.default_rng(5)
    bits = rng.integers(0, 1 << 32, 3 * BLOCK + 7, dtype=np.uint64).astype(np.uint32)
    x = torch.from_numpy(bits.view(np.float32))
    lanes = 8 if parse(text).length > 24 else 64
    assert same(*both(monkeypatch, text, x, 1000, lanes))


@pytest.mark.slow
@pytest.mark.parametrize("formats", [text for text in pairs() if "in=mx_" in text])
def test_scales(monkeypatch: pytest.MonkeyPatch, formats: str) -> None:
    name = formats.removeprefix("in=mx_").partition(",")[0]
    text = f"8:7:select:lfsr13,leap=7,lanes=32,{formats},block=32"
    if parse(f"2:2:zero:lfsr2,{formats}").dropped < 8:
        text = f"2:2:zero:lfsr7,leap=2,{formats},block=32"
    rng = np.random.default_rng(6)
    every = patterns(getattr(torch, name))
    picked = every[torch.from_numpy(rng.integers(0, len(every), 40 * 96))].view(40, 96)
    for shape in ((), (40, 1), (1, 96), (40, 96), (96,)):
        scale = rng.integers(-127, 129, shape)
        given = torch.from_numpy(np.asarray(scale)) if len(shape) == 2 else scale
        assert same(*both(monkeypatch, text, picked, 5, 32, scale=given))
    assert same(*both(monkeypatch, text, picked[:0], 5, 32, scale=3))


def test_where_it_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Into every type, into itself, into what overlaps, and in any layout."""
    x = torch.from_numpy(examples(30 * 41)).view(30, 41)
    kinds = (torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.float32)
    for kind in (*kinds, torch.float64):
        out = torch.empty(30, 41, dtype=kind)
        expected, found = both(monkeypatch, "papers", x, 3, out=out)
        assert found is out and expected is out
        monkeypatch.setenv("ESRU_FUSED", "off")
        assert torch.equal(round_tensor(parse("papers"), x, 3)[0].to(kind), out)
    small = torch.empty(30, 41, dtype=torch.uint8)
    assert both(monkeypatch, "8:8:zero:lfsr8,in=u16.8,out=u8.0", x, 3, out=small)[1] is small
    for view in (x.T, x[::2, ::3], x.flip(0), x[0].expand(5, 41)):
        expected, found = both(monkeypatch, "papers", view, 3)
        assert same(expected, found) and found.is_contiguous()
        out = torch.empty(view.T.shape, dtype=torch.int8).T
        _, found = both(monkeypatch, "papers", view, 3, out=out)
        assert found is out and torch.equal(out, expected.to(torch.int8))
    expected = both(monkeypatch, "papers", x, 3)[0].flatten()
    monkeypatch.setenv("ESRU_FUSED", "on")
    memory = torch.zeros(2 * x.numel() + 8)
    for shift in (0, 1):
        memory[: x.numel()] = x.flatten()
        values, out = memory[: x.numel()], memory[shift:][: x.numel()]
        assert round_tensor(parse("papers"), values, 3, out=out)[0] is out
        assert torch.equal(out, expected)
    # The same bytes read as wider numbers: half of them would be overwritten before they are read.
    memory[: x.numel()] = x.flatten()
    out = memory.view(torch.float64)[: x.numel()]
    round_tensor(parse("papers"), memory[: x.numel()], 3, out=out)
    assert torch.equal(out, expected.double())


def test_what_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESRU_FUSED", "on")
    x = torch.ones(3 * BLOCK)
    x[2 * BLOCK + 9] = float("nan")
    for given in (x, x.double()):
        with pytest.raises(InputError, match="Values must be numbers, not nan"):
            round_tensor(parse("papers"), given)
    for name, wrong in (("float16", 2049.0), ("bfloat16", 257.0), ("float16", 1e-30)):
        x[2 * BLOCK + 9] = wrong
        rule = f"values for an input {name} must be values of {name}, all of them"
        with pytest.raises(InputError, match=f"torch.float32 {rule}"):
            round_tensor(parse(f"2:2:zero:lfsr2,in={name},out=ocp_e4m3"), x)
        kept = x.clone()
        unit = parse(f"2:2:zero:lfsr2,in=mx_{name},out=ocp_e2m1")
        for out in (None, x):
            with pytest.raises(InputError, match=f"^float32 {rule}"):
                round_tensor(unit, x, scale=1, out=out)
        assert torch.equal(x, kept)


def test_what_goes_the_plain_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words, units without words of their own, and what has too many bits."""
    x = torch.from_numpy(examples(100)).clamp(-100, 100)
    assert round_fused(parse("8:8:zero:operand-own,in=s24.16"), x, 0, 64) is None
    assert round_fused(parse("25:24:zero:lfsr24"), x, 0, 64) is None
    assert round_fused(parse("4:3:zero:lfsr3,out=s25.0"), x, 0, 64) is None
    assert round_fused(parse("papers"), x.half(), 0, 64) is None
    assert round_fused(parse("8:8:zero:lfsr8,out=ocp_e4m3"), x.double(), 0, 64) is None
    assert round_fused(parse("8:3:zero:lfsr5,in=mx_float32,out=ocp_e2m1"), x, 0, 64) is None
    expected = round_tensor(parse("papers"), x.long().numpy())[0]
    monkeypatch.setenv("ESRU_FUSED", "on")
    assert np.array_equal(round_tensor(parse("papers"), x.long())[0].numpy(), expected)


@pytest.mark.slow
def test_gradients_and_compilation(monkeypatch: pytest.MonkeyPatch) -> None:
    from esru.torch import Quantiser

    x = torch.from_numpy(examples(700)).clamp(-100, 100)
    grown = {}
    for mode in ("off", "on"):
        monkeypatch.setenv("ESRU_FUSED", mode)
        leaf = x.clone().requires_grad_()
        y, _ = round_tensor(parse("papers"), leaf, 9)
        y.backward(torch.arange(700.0))
        assert torch.equal(leaf.grad, torch.arange(700.0))
        torch._dynamo.reset()
        with warnings.catch_warnings():
            # torch's own tracing of an autograd function warns of itself.
            warnings.simplefilter("ignore", DeprecationWarning)
            compiled = torch.compile(Quantiser("papers"), backend="eager", fullgraph=True)
            once, twice = compiled(x), compiled(x)
        grown[mode] = torch.stack([y.detach(), once, twice])
    assert torch.equal(grown["off"], grown["on"])
    assert not torch.equal(grown["on"][1], grown["on"][2])


class Broken:
    """Stands for a kernel whose launch fails."""

    def __init__(self, problem: Exception) -> None:
        self.problem = problem

    def __getitem__(self, grid: object) -> object:
        raise self.problem


@pytest.mark.parametrize(
    "problem",
    [
        OSError("no compiler"),
        ImportError("no triton"),
        subprocess.CalledProcessError(1, ["gcc"]),
        CompilationError(None, ast.Pass(), "no such operator"),
        UnsupportedLanguageConstruct(None, ast.Pass(), "no such statement"),
        OutOfResources(300000, 200000, "shared memory"),
        PTXASError("an unknown architecture"),
        AssertionError("libcuda.so cannot found!"),
        RuntimeError("Failed to find C compiler. Please specify via CC environment variable"),
        RuntimeError("PassManager::run failed"),
        RuntimeError("0 active drivers ([]). There should only be one."),
        RuntimeError(
            "Triton Error [CUDA]: no kernel image is available for execution on the device"
        ),
        RuntimeError(
            "Triton Error [CUDA]: the provided PTX was compiled with an unsupported toolchain."
        ),
    ],
)
def test_a_kernel_that_cannot_be_built(monkeypatch: pytest.MonkeyPatch, problem: Exception) -> None:
    x = torch.from_numpy(examples(100))
    monkeypatch.setattr(fused_kernel, "round_fixed", Broken(problem))
    monkeypatch.setattr(fused, "_refused", set())
    monkeypatch.setenv("ESRU_FUSED", "on")
    with pytest.raises(type(problem)) as raised:
        round_tensor(parse("papers"), x)
    assert raised.value is problem
    monkeypatch.setenv("ESRU_FUSED", "auto")
    with pytest.warns(RuntimeWarning, match="on cpu goes on without a fused kernel: ") as warned:
        assert round_fused(parse("papers"), x, 0, 64) is None
    assert str(warned[0].message).endswith(str(problem))
    assert fused._refused == {x.device}


@pytest.mark.parametrize("mode", ["auto", "on"])
@pytest.mark.parametrize(
    "problem",
    [
        RuntimeError("Triton Error [CUDA]: an illegal memory access was encountered"),
        RuntimeError("Triton Error [CUDA]: out of memory"),
        RuntimeError("Triton Error [HIP]: unspecified launch failure"),
        RuntimeError("CUDA error: unspecified launch failure"),
        torch.OutOfMemoryError("CUDA out of memory"),
        torch.AcceleratorError("CUDA error: an illegal memory access was encountered"),
        # Mistakes in what a kernel is given.
        TypeError("missing a required argument: 'size'"),
        KeyError("Keyword argument WIDE was specified but unrecognised"),
    ],
)
def test_what_the_driver_says_is_raised(
    monkeypatch: pytest.MonkeyPatch, problem: Exception, mode: str
) -> None:
    """No warning and no plain way on a device that may be lost, or with a wrong launch."""
    x = torch.from_numpy(examples(100))
    monkeypatch.setattr(fused_kernel, "round_fixed", Broken(problem))
    monkeypatch.setattr(fused, "_refused", set())
    monkeypatch.setenv("ESRU_FUSED", mode)
    with pytest.raises(type(problem)) as raised:
        round_fused(parse("papers"), x, 0, 64)
    assert raised.value is problem
    assert not fused._refused
