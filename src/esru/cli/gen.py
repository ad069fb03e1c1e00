"""Write a design's Verilog, RTLIL and manifests to a folder, and what else a designer wants."""

from __future__ import annotations

import argparse
from pathlib import Path

from esru.boundaries import ROUNDINGS
from esru.cli.terminal import (
    add_design,
    add_json,
    add_structure,
    emit_json,
    note,
    read_design,
    read_helped,
)
from esru.design import Design
from esru.design_text import copied_design
from esru.errors import InputError
from esru.flow.generate import file_names, generate
from esru.flow.takeaway import EXTRAS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_design(parser)
    parser.add_argument(
        "-o", "--out", metavar="DIR", type=Path, help="folder to write to (default build/<id>)"
    )
    parser.add_argument(
        "--lanes",
        metavar="M",
        type=int,
        help="lanes of a whole array, a multiple of the lanes that share a source "
        "(default: the lanes of one source)",
    )
    parser.add_argument(
        "--with",
        dest="extras",
        metavar="X[,X...]",
        default="",
        help="more files: " + "; ".join(f"{name}: {text}" for name, text in EXTRAS.items())
        + "; or all",
    )  # fmt: skip
    parser.add_argument(
        "--cost",
        metavar="T[,T...]",
        default="",
        help="measure the cost on these targets for the datasheet (esru list targets)",
    )
    add_structure(parser)
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Write the files, then say where they are."""
    design = read_design(args.design)
    extras = _extras(args.extras, design)
    targets = _targets(args.cost, extras)
    folder = Path("build", design.id) if args.out is None else args.out
    manifest = generate(
        design, folder, lanes=args.lanes, force=args.force, extras=extras, targets=targets,
        helped=read_helped(args),
    )  # fmt: skip
    names = file_names(design, args.lanes, extras)
    if args.json:
        content = {key: manifest[key] for key in manifest if key not in ("schema", "versions")}
        emit_json("gen", manifest["versions"], {"folder": str(folder)} | content)
    else:
        for name in names:
            print(folder / name)
    how = f" --structure helped --target {args.target}" if args.target else ""
    told = copied_design(args.design)
    note(f"wrote {len(names)} files to {folder}; next: esru verify {told}{how}")
    return 0


def _extras(text: str, design: Design) -> tuple[str, ...]:
    there = list(EXTRAS)
    if design.boundary not in ROUNDINGS:
        # Two inputs, or several additions to a result: no stream of words.
        there.remove("stream")
        if text == "all":
            note(f"no stream at the boundary {design.boundary}: all is the rest")
    wanted = there if text == "all" else [name for name in text.split(",") if text]
    if "stream" in wanted and "stream" not in there:
        rule = f"one of {', '.join(ROUNDINGS)}"
        raise InputError.must("Boundary of a stream", rule, design.boundary)
    for name in wanted:
        if name not in EXTRAS:
            raise InputError.must("Extra", f"one of {', '.join(EXTRAS)} or all", repr(name))
    return tuple(name for name in EXTRAS if name in wanted)


def _targets(text: str, extras: tuple[str, ...]) -> list[str]:
    if not text:
        return []
    from esru.flow.targets import target

    if "datasheet" not in extras:
        raise InputError.must("Cost", "asked for with --with datasheet, which holds it", text)
    return [target(name).name for name in text.split(",")]
