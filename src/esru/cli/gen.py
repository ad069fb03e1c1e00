"""Write a design's Verilog, RTLIL and manifests to a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from esru.cli.terminal import add_design, add_json, emit_json, note, read_design
from esru.flow.generate import file_names, generate


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
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Write the files, then say where they are."""
    design = read_design(args.design)
    folder = Path("build", design.id) if args.out is None else args.out
    manifest = generate(design, folder, lanes=args.lanes, force=args.force)
    names = file_names(design, args.lanes)
    if args.json:
        content = {key: manifest[key] for key in manifest if key not in ("schema", "versions")}
        emit_json("gen", manifest["versions"], {"folder": str(folder)} | content)
    else:
        for name in names:
            print(folder / name)
    note(f"wrote {len(names)} files to {folder}; next: esru verify {args.design}")
    return 0
