"""Every test of the testbench as a test of pytest, for each emitted module.

    pytest sim/ --generated build/papers --junitxml results.xml

A folder's simulation runs once; each of its cocotb tests then passes or fails by itself. A plain
Verilog testbench beside the Verilog is run, too.
"""

import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TESTS = ("start_up", "reset", "enable", "exact_values", "ends", "stream")


def _manifests(config):
    places = [Path(name) for name in config.getoption("--generated")] or [HERE.parent]
    found = []
    for place in places:
        here = sorted(path for path in place.glob("**/manifest.json") if _is_module(path))
        if not here:
            raise pytest.UsageError(f"--generated: esru gen wrote nothing below {place}")
        found += [path for path in here if path not in found]
    return found


def _is_module(path):
    return json.loads(path.read_text()).get("schema", "").startswith("esru.gen/")


def _stem(path):
    return json.loads(path.read_text())["module"].removeprefix("esru_")


def _tests(path):
    loads = json.loads(path.read_text())["parameters"].get("load")
    return (*TESTS, "load") if loads else TESTS


def pytest_generate_tests(metafunc):
    """Make one test for each module, and cocotb test where it has one."""
    manifests = _manifests(metafunc.config)
    if "plain" in metafunc.fixturenames:
        benches = [path.with_name(f"{_stem(path)}_tb.v") for path in manifests]
        there = [path for path in benches if path.exists()]
        metafunc.parametrize("plain", there, ids=[path.stem for path in there])
    else:
        pairs = [(path, name) for path in manifests for name in _tests(path)]
        names = [f"{_stem(path)}-{name}" for path, name in pairs]
        metafunc.parametrize(("manifest", "name"), pairs, ids=names, scope="session")


@pytest.fixture(scope="session")
def results(manifest, tmp_path_factory):
    """Run a module's simulation and return its test cases by name, and what was said."""
    folder = tmp_path_factory.mktemp(_stem(manifest))
    xml = folder / "results.xml"
    command = [sys.executable, str(HERE / "run.py"), str(manifest.parent)]
    command += ["--results", str(xml), "--build", str(folder / "build")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    said = done.stdout + done.stderr
    cases = ElementTree.parse(xml).getroot().iter("testcase") if xml.exists() else ()
    return {case.get("name"): case for case in cases}, said


def test_verilog(name, results):
    """One test of testbench.py."""
    cases, said = results
    assert name in cases, said
    failures = [*cases[name].iter("failure"), *cases[name].iter("error")]
    texts = [f.get("error_msg") or f.get("message") or f.text or "failed" for f in failures]
    assert not failures, "\n".join(texts) + "\n" + said


def test_plain_verilog(plain, tmp_path):
    """The vectors, in Icarus without Python."""
    assert shutil.which("iverilog"), "Icarus Verilog is missing: apt-get install iverilog"
    sources = [str(plain.resolve()), str(plain.resolve()).replace("_tb.v", ".v")]
    build = ["iverilog", "-g2005", "-o", str(tmp_path / "bench"), *sources]
    subprocess.run(build, check=True)
    done = subprocess.run(["vvp", "-n", str(tmp_path / "bench")], capture_output=True, text=True)
    assert done.returncode == 0 and "PASS" in done.stdout, done.stdout + done.stderr
