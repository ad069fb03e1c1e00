"""The fused kernels: exact in Triton's interpreter, built for GPUs, and when they are used.

The kernels' results are compared in processes of their own (`interpreted.py`), as Triton chooses
its interpreter when a kernel is defined. No GPU is needed to compile them for one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from esru.design import parse
from esru.errors import InputError, ToolMissing

torch = pytest.importorskip("torch")

from esru.emulate import fused, round_tensor  # noqa: E402  # needs torch
from esru.emulate.device import BLOCK  # noqa: E402

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")


def run_interpreted(*arguments: str, fused: str | None = None) -> None:
    """Run pytest in another process with Triton's interpreter."""
    environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    environment.pop("ESRU_FUSED", None)
    if fused:
        environment["ESRU_FUSED"] = fused
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout[-8000:] + done.stderr


@needs_triton
@pytest.mark.parametrize("which", ["not slow", pytest.param("slow", marks=pytest.mark.slow)])
def test_the_bits_are_those_of_the_plain_way(which: str) -> None:
    run_interpreted("-m", which, str(HERE / "interpreted.py"))


@needs_triton
@pytest.mark.slow
def test_what_holds_the_plain_way_holds_for_the_kernels() -> None:
    """The tests of tensors, against the scalar reference and NumPy, with the kernels in use."""
    names = ("tensors", "table_arrays", "scaled", "bad_input")
    paths = [str(HERE / f"test_{name}.py") for name in names]
    names = ("layers", "compile", "bad_input_of_torch")
    paths += [str(HERE.parent / "esru_torch" / f"test_{name}.py") for name in names]
    run_interpreted("-m", "not slow", *paths, fused="on")


#: Of each kernel what differs in its code: types, rules, a table or words, scales, wide integers.
BUILT = [
    ("papers", torch.float32, torch.int8, None),
    ("reference", torch.float64, torch.float64, None),
    ("8:7:select:lfsr13,leap=7,lanes=64,overflow=wrap", torch.float32, torch.float32, None),
    ("4:4:table-c0fcff00.11.5:lfsr13,leap=4", torch.float32, torch.int16, None),
    ("24:20:nearest:lfsr32,leap=23,out=s12.0", torch.float32, torch.int32, None),
    ("8:8:zero:lfsr8,out=ocp_e4m3", torch.float32, torch.float32, None),
    ("22:9:replicate:lfsr10,leap=9,out=ocp_e5m2", torch.float32, torch.float64, None),
    ("2:2:zero:lfsr2,in=bfloat16,out=ocp_e2m1", torch.bfloat16, torch.float32, None),
    ("2:2:zero:lfsr2,in=float16,out=bfloat16", torch.float16, torch.float32, None),
    ("8:3:zero:lfsr5,in=mx_float32,out=ocp_e2m1", torch.float32, torch.float32, 1),
    ("2:2:zero:lfsr2,in=mx_bfloat16,out=ocp_e5m2", torch.bfloat16, torch.float32, 1),
]

_TYPES = {
    torch.int8: "*i8",
    torch.int16: "*i16",
    torch.int32: "*i32",
    torch.int64: "*i64",
    torch.float16: "*fp16",
    torch.bfloat16: "*bf16",
    torch.float32: "*fp32",
    torch.float64: "*fp64",
}


class Recorder:
    """Stands for a kernel: keeps what it is launched with."""

    def __init__(self) -> None:
        self.given: tuple[Any, ...] = ()
        self.constants: dict[str, int] = {}

    def __getitem__(self, grid: tuple[int, ...]) -> Any:
        def launch(*given: Any, **constants: int) -> None:
            assert grid == (3,)
            self.given, self.constants = given, constants

        return launch


@needs_triton
@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize(("text", "dtype", "kind", "scale"), BUILT)
def test_kernels_are_built_for_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    text: str,
    dtype: torch.dtype,
    kind: torch.dtype,
    scale: int | None,
    capability: int,
) -> None:
    """What is launched for a tensor compiles to PTX and to machine code, without a GPU."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from esru.emulate import fused_kernel

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    design, recorder = parse(text), Recorder()
    name = "round_float" if design.floats else "round_fixed"
    kernel = getattr(fused_kernel, name)
    monkeypatch.setattr(fused_kernel, name, recorder)
    x = torch.zeros(2 * BLOCK + 16, dtype=dtype)
    exponents = None if scale is None else torch.tensor([scale])
    out = torch.empty(x.shape, dtype=kind)
    assert fused.round_fused(design, x, 7, 64, out, exponents) is out
    names = kernel.arg_names
    signature: dict[str, str] = dict.fromkeys(names, "constexpr")
    aligned = {}
    for i, (name, value) in enumerate(zip(names, recorder.given, strict=False)):
        tensor = isinstance(value, torch.Tensor)
        signature[name] = _TYPES[value.dtype] if tensor else "i32"
        if tensor or name == "size":
            aligned[i,] = [["tt.divisibility", 16]]
    constants = {(names.index(name),): value for name, value in recorder.constants.items()}
    assert len(recorder.given) + len(constants) == len(names)
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants, attrs=aligned)
    built = triton.compile(source, target=GPUTarget("cuda", capability, 32))
    ptx = built.asm["ptx"]
    assert f".target sm_{capability}" in ptx and f".entry {kernel.__name__}" in ptx
    assert len(built.asm["cubin"]) > 1000
    # Numbers below the least normal one must not be taken for zero.
    assert ".ftz" not in ptx
    # Four values of float32 at once, as copying reads them.
    if dtype == torch.float32:
        assert "ld.global.v4.b32" in ptx


def test_when_the_kernels_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    here = torch.zeros(3)
    there: Any = SimpleNamespace(device=torch.device("cuda", 0), dtype=torch.float32)
    words: Any = SimpleNamespace(device=torch.device("cuda", 0), dtype=torch.int32)
    for found in (True, False):
        monkeypatch.setattr(fused, "_triton_found", lambda found=found: found)
        for mode in ("", "auto", "off"):
            monkeypatch.setenv("ESRU_FUSED", mode)
            assert fused.is_fused(there) == (found and mode != "off")
            assert not fused.is_fused(here) and not fused.is_fused(words)
    monkeypatch.setenv("ESRU_FUSED", "on")
    with pytest.raises(ToolMissing, match="triton was not found; install it with: pip install"):
        fused.is_fused(here)
    monkeypatch.setattr(fused, "_triton_found", lambda: True)
    monkeypatch.setattr(fused, "_refused", {there.device})
    monkeypatch.delenv("ESRU_FUSED")
    assert not fused.is_fused(there)


def test_what_the_variable_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("yes", "ON", "1"):
        monkeypatch.setenv("ESRU_FUSED", wrong)
        with pytest.raises(InputError, match=f"ESRU_FUSED must be auto, off or on, not '{wrong}'"):
            round_tensor(parse("papers"), torch.zeros(3))


@needs_triton
def test_a_cpu_tensor_needs_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    from esru.emulate import fused_kernel

    assert not fused_kernel.INTERPRETED
    monkeypatch.setenv("ESRU_FUSED", "on")
    with pytest.raises(InputError, match="ESRU_FUSED must be auto or off for a tensor on the CPU"):
        round_tensor(parse("papers"), torch.zeros(3))
