"""What a designer takes away beside the Verilog: stream, testbenches, core file, datasheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from esru.design import Design
from esru.flow.bench import bench_folder
from esru.flow.core_file import core_file
from esru.flow.verilog_bench import verilog_bench
from esru.hdl.emit import module_name, stream_verilog

#: What can be written beside the Verilog, each with a one-line summary.
EXTRAS = {
    "stream": "the array between two valid/ready streams, as Verilog",
    "testbench": "a plain Verilog testbench with vectors",
    "cocotb": "the cocotb testbench, self-contained, with pytest",
    "core": "a FuseSoC core description",
    "datasheet": "a one-page datasheet with the P(up) picture and a block diagram",
}

#: Files of the cocotb testbench; they import nothing of esru.
_BENCH = (
    *("README.md", "conftest.py", "example-workflow.yml", "floats.py", "model.py"),
    *("run.py", "test_emitted.py", "testbench.py"),
)


#: The picture of P(up), which only words few enough for a sum over them have.
CURVE = "p_up.svg"


def extra_names(extra: str, stem: str) -> tuple[str, ...]:
    """Return the names in the folder that one of `EXTRAS` takes."""
    return {
        "stream": (f"{stem}_stream.v",),
        "testbench": (f"{stem}_tb.v",),
        "cocotb": ("sim",),
        "core": (f"{stem}.core",),
        "datasheet": ("datasheet.md", CURVE, "block.svg"),
    }[extra]


def extra_files(
    design: Design,
    lanes: int | None,
    interface: dict[str, Any],
    extras: Sequence[str],
    targets: Sequence[str] = (),
) -> dict[str, str]:
    """Return the extras' files with their content.

    Parameters
    ----------
    design : Design
        The unit.
    lanes : int or None
        Lanes of a whole array; None: the lanes of one source.
    interface : dict
        What ``interface.json`` holds.
    extras : sequence of str
        Of `EXTRAS`.
    targets : sequence of str
        Targets whose cost the datasheet gives.

    Raises
    ------
    InputError, ToolMissing, ToolFailed
        As the tools that make them raise.
    """
    stem = module_name(design, lanes).removeprefix("esru_")
    texts: dict[str, str] = {}
    if "stream" in extras:
        texts[f"{stem}_stream.v"] = stream_verilog(design, lanes)
    if "testbench" in extras:
        texts[f"{stem}_tb.v"] = verilog_bench(design, lanes)
    if "cocotb" in extras:
        folder = bench_folder()
        for name in _BENCH:
            texts[f"sim/{name}"] = (folder / name).read_text(encoding="utf-8")
    if "core" in extras:
        texts[f"{stem}.core"] = core_file(design, lanes, [f"{stem}.v", *texts])
    if "datasheet" in extras:
        from esru.quality import summable
        from esru.report.curve import curve, draw_curve
        from esru.report.datasheet import datasheet
        from esru.report.diagram import draw_blocks

        if summable(design):
            texts[CURVE] = draw_curve(curve(design)).decode()
        texts["block.svg"] = draw_blocks(design, lanes)
        files = _summaries(stem, extras)
        texts["datasheet.md"] = datasheet(design, interface, files, _costs(design, targets))
    return texts


def _summaries(stem: str, extras: Sequence[str]) -> dict[str, str]:
    files = {
        f"{stem}.v": "Verilog-2001, one flat module",
        f"{stem}.il": "the same as Yosys RTLIL",
        "interface.json": "ports and timing for programs",
        "manifest.json": "versions, parameters, start states, checksums",
    }
    for extra in extras:
        name = extra_names(extra, stem)[0]
        if extra != "datasheet":
            files[f"{name}/" if extra == "cocotb" else name] = EXTRAS[extra]
    return files


def _costs(design: Design, targets: Sequence[str]) -> dict[str, dict[str, Any]]:
    from esru.flow.cost import lane_costs

    return {name: lane_costs([design], name, design.boundary)[0].to_json() for name in targets}
