"""Build emitted Verilog with Icarus and run the cocotb testbench on it.

python run.py FOLDER [--results FILE] [--build DIR]

FOLDER is what `esru gen` wrote. Exit code 0: all tests passed; 1: one failed.
"""

import argparse
import json
import os
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main():
    """Run and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="folder that esru gen wrote")
    parser.add_argument("--results", type=Path, default=Path("results.xml"), help="JUnit file")
    parser.add_argument("--counts", type=Path, help="JSON file for comparisons per test")
    parser.add_argument("--build", type=Path, default=Path("sim_build"), help="build folder")
    args = parser.parse_args()

    from cocotb_tools.runner import get_runner

    folder, results = args.folder.resolve(), args.results.resolve()
    manifest = json.loads((folder / "manifest.json").read_text())
    verilog = manifest["module"].removeprefix("esru_") + ".v"
    environment = {"ESRU_GENERATED": str(folder)}
    if args.counts:
        args.counts.unlink(missing_ok=True)
        environment["ESRU_COUNTS"] = str(args.counts.resolve())
    results.unlink(missing_ok=True)
    sys.path.insert(0, str(HERE))
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    runner = get_runner("icarus")
    runner.build(
        sources=[folder / verilog],
        hdl_toplevel=manifest["module"],
        build_dir=args.build.resolve(),
        timescale=("1ns", "1ps"),
        always=True,
    )
    try:
        runner.test(
            hdl_toplevel=manifest["module"],
            test_module="testbench",
            build_dir=args.build.resolve(),
            test_dir=args.build.resolve(),
            results_xml=str(results),
            extra_env=environment,
        )
    except SystemExit as end:
        # The runner ends the interpreter when a test failed; the results say which.
        if not results.exists():
            return int(end.code or 1)
    suites = ElementTree.parse(results).getroot()
    cases = list(suites.iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None]
    failed += [case for case in cases if case.find("error") is not None]
    print(f"{len(cases) - len(failed)} of {len(cases)} tests passed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
