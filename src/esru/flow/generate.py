"""Write a design's hardware to a folder: Verilog, RTLIL and manifests, all of it or nothing."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from esru import __version__
from esru.design import Design
from esru.errors import InputError
from esru.flow import toolchain
from esru.flow.cost import fabric_of
from esru.flow.output import beside, refuse, unusable
from esru.flow.takeaway import CURVE, extra_files, extra_names
from esru.hdl.emit import emit_rtlil, emit_verilog, module_name, stream_name
from esru.hdl.structure import check_fabric
from esru.quality import summable
from esru.sources import source_model
from esru.sources.register import RegisterModel
from esru.sources.settings import loaded_seed

MANIFEST_SCHEMA = "esru.gen/1"
INTERFACE_SCHEMA = "esru.interface/1"

#: What a cycle with en = 1 does.
_WORK = {
    "decision": "a rounding happens in this cycle",
    "result": "a rounding happens in this cycle",
    "unit": "a rounding happens in this cycle",
    "accumulator": "an update happens in this cycle",
    "dither": "an addition happens in this cycle",
}
#: What is done with the input words, and where the output words come from.
_TAKEN = {"accumulator": "update: ", "dither": "added: "}
_GIVEN = {"result": "combinational", "dither": "of the accumulator's register"}


def versions() -> dict[str, str]:
    """Return the versions of what the written files come from.

    Raises
    ------
    ToolMissing
        If there is no Yosys.
    """
    return {
        "esru": __version__,
        "amaranth": importlib.metadata.version("amaranth"),
        "yosys": toolchain.yosys().identity,
    }


def _port(name: str, direction: str, width: int, meaning: str) -> dict[str, Any]:
    return {"name": name, "direction": direction, "width": width, "meaning": meaning}


def interface(design: Design, lanes: int | None = None, stream: bool = False) -> dict[str, Any]:
    """Return the description of the module's ports and timing, ready for JSON.

    Parameters
    ----------
    design : Design
        The unit.
    lanes : int or None
        Lanes of a whole array; None: the lanes of one source.
    stream : bool
        Describe the stream module beside it, too.
    """
    count = design.lanes if lanes is None else lanes
    decision = design.boundary == "decision"
    port = _port
    but = ", but for a load" if design.load else ""
    word = str(design.input).removeprefix("mx_") if design.block else str(design.input)
    taken = _TAKEN.get(design.boundary, "")
    given = _GIVEN.get(design.boundary, "registered")
    wide_in, wide_out = design.x_bits, design.out_format.width
    data = (
        [
            port(
                "frac",
                "input",
                count * design.fraction_bits,
                f"top {design.fraction_bits} dropped bits of each lane, lane 0 lowest",
            ),
            port("up", "output", count, "decision of each lane: 1 rounds up, lane 0 lowest"),
        ]
        if decision
        else [
            port("x", "input", count * wide_in, f"{taken}{word} word of each lane, lane 0 lowest"),
            port(
                "y",
                "output",
                count * wide_out,
                f"{design.out_format} word of each lane, lane 0 lowest; {given}",
            ),
        ]
    )
    meanings = {
        "w": f"stored {design.out_format} word of each lane, lane 0 lowest",
        "first": "1: the accumulators start again in this cycle, from the random word",
        "r": f"random word of {design.k} bits for each source, source 0 lowest",
        "scale": f"E8M0 scale of each block of {design.block} lanes, 8 bits, block 0 lowest",
    }
    # What is combinational follows its input whatever `en` is.
    holds = "everything holds" if design.latency else "the sources hold"
    beside = design.side_inputs(count).items()
    data[:0] = [port(name, "input", bits, meanings[name]) for name, bits in beside]
    if design.load:
        data = [*_load_ports(design, count // design.lanes), *data]
    more = {"stream": _stream(design, lanes, data)} if stream else {}
    return {
        "schema": INTERFACE_SCHEMA,
        "module": module_name(design, lanes),
        "boundary": design.boundary,
        "ports": [
            port("clk", "input", 1, "clock, rising edge"),
            port("rst", "input", 1, "synchronous reset, active high; goes before en"),
            port("en", "input", 1, f"1: {_WORK[design.boundary]}; 0: {holds}{but}"),
            *data,
        ],
        "latency": design.latency,
        "throughput": count,
        "lanes": count,
        "sources": count // design.lanes,
        "period": source_model(design).period or None,
        **more,
    }


def _load_ports(design: Design, sources: int) -> list[dict[str, Any]]:
    """Return the ports through which the sources get seeds."""
    zero = "" if loaded_seed(design, 0) == 0 else "; 0 is taken as 1"
    return [
        _port("load", "input", 1, "1: every source takes its seed instead of a step; before en"),
        _port(
            "seed",
            "input",
            sources * design.length,
            f"state of {design.length} bits for each source, source 0 lowest{zero}",
        ),
    ]


def _stream(design: Design, lanes: int | None, data: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the description of the stream module, from the data ports of the module itself."""
    *more, taken, given = data
    valid = "1: there is a word; it moves in a cycle with valid = ready = 1"
    return {
        "module": stream_name(design, lanes),
        "ports": [
            _port("clk", "input", 1, "clock, rising edge"),
            _port("rst", "input", 1, "synchronous reset, active high"),
            *more,
            {**taken, "name": "i__payload"},
            _port("i__valid", "input", 1, valid),
            _port("i__ready", "output", 1, "1: the word is taken at the end of this cycle"),
            {**given, "name": "o__payload"},
            _port("o__valid", "output", 1, valid),
            _port("o__ready", "input", 1, "1: the result is taken at the end of this cycle"),
        ],
        "latency": design.latency,
        "throughput": design.lanes if lanes is None else lanes,
    }


def starts(design: Design, lanes: int | None = None) -> list[dict[str, Any]]:
    """Return each source's state at start-up and after a reset; empty without registers.

    With the lane map ``delay`` also the words before the first, the latest first.
    """
    model = source_model(design)
    if not isinstance(model, RegisterModel):
        return []
    groups = (design.lanes if lanes is None else lanes) // design.lanes
    phases = [group * model.period // groups for group in range(groups)]
    found: list[dict[str, Any]] = []
    for phase in phases:
        state, inverted = hex(model.register_at(phase)), model.inverted_at(phase)
        found.append({"phase": phase, "state": state, "inverted": inverted})
        if design.map == "delay":
            before = [(phase - i) % model.period for i in range(1, design.lanes)]
            found[-1]["earlier"] = [model.word_at(earlier) for earlier in before]
    return found


def file_stem(design: Design, lanes: int | None = None) -> str:
    """Return the name of the Verilog and RTLIL files without suffix: the module's less esru_."""
    return module_name(design, lanes).removeprefix("esru_")


def file_names(
    design: Design, lanes: int | None = None, extras: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the names of the files that `generate` writes, the manifest last."""
    stem = file_stem(design, lanes)
    more = [name for extra in extras for name in extra_names(extra, stem)]
    if not summable(design):
        more = [name for name in more if name != CURVE]
    return (f"{stem}.v", f"{stem}.il", "interface.json", *more, "manifest.json")


def generate(
    design: Design,
    folder: Path,
    *,
    lanes: int | None = None,
    force: bool = False,
    extras: Sequence[str] = (),
    targets: Sequence[str] = (),
    helped: str | None = None,
) -> dict[str, Any]:
    """Write ``<id>.v``, ``<id>.il``, ``interface.json`` and ``manifest.json``, and extras.

    Parameters
    ----------
    design : Design
        The unit.
    folder : Path
        Where; made with its parents if it does not exist. Other files in it are left alone.
    lanes : int or None
        Lanes of a whole array, a multiple of ``design.lanes``; None: the lanes of one source.
        The two files are then called ``<id>_x<lanes>``.
    force : bool
        Replace files of these names.
    extras : sequence of str
        What else is written, of `esru.flow.takeaway.EXTRAS`.
    targets : sequence of str
        Targets whose cost the datasheet gives; only with the extra ``datasheet``.
    helped : str or None
        Target whose cells the lanes are made of (`esru.hdl.structure`), without extras, which
        are about the plain module; None: plain structure.

    Returns
    -------
    dict
        What ``manifest.json`` holds.

    Raises
    ------
    InputError
        If files are in the way or the folder cannot be written, before any work; if the number
        of lanes does not fit the design.
    ToolMissing, ToolFailed
        If there is no Yosys, or it fails.
    """
    fabric = None
    if helped is not None:
        fabric = fabric_of(helped, "helped")
        check_fabric(design)
        if extras:
            rule = "asked for with the plain structure, which they simulate and describe"
            raise InputError.must("Extras", rule, ", ".join(extras))
    names = file_names(design, lanes, extras)
    verilog, netlist, described, *_, manifest = names
    refuse(folder, names, force)
    used = versions()
    ports = interface(design, lanes, "stream" in extras)
    texts = {
        netlist: emit_rtlil(design, lanes, fabric),
        verilog: _told(emit_verilog(design, lanes, fabric=fabric), helped),
        described: _json(ports),
    }
    texts |= extra_files(design, lanes, ports, extras, targets)
    content = {
        "schema": MANIFEST_SCHEMA,
        "versions": used,
        "design": str(design),
        "id": design.id,
        "behaviour": design.behaviour,
        "parameters": design.to_json(),
        "module": module_name(design, lanes),
        "lanes": design.lanes if lanes is None else lanes,
        **({} if helped is None else {"structure": "helped", "target": helped}),
        "sources": starts(design, lanes),
        "files": {name: hashlib.sha256(texts[name].encode()).hexdigest() for name in sorted(texts)},
    }
    texts[manifest] = _json(content)
    with beside(folder, names, force) as place:
        try:
            for file, text in texts.items():
                (place / file).parent.mkdir(exist_ok=True)
                (place / file).write_text(text, encoding="utf-8")
        except OSError as error:
            raise unusable(folder, error.strerror or str(error)) from None
    return content


def _told(verilog: str, helped: str | None) -> str:
    """Return a module's Verilog whose heading says of which target's cells it is made, if any."""
    if helped is None:
        return verilog
    first, rest = verilog.split("\n", 1)
    return f"{first}\n// structure helped: cells of target {helped}\n{rest}"


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, allow_nan=False) + "\n"
