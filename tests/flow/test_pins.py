"""The boards' pins: the same as what amaranth-boards' platforms put in their own pin files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from amaranth.build import Pins, Resource, Subsignal
from amaranth.hdl import ClockDomain, Module, Signal
from amaranth.lib import io
from scripts import script

from esru.flow.boards import BOARDS, Board
from esru.flow.pins import LED_MEANING, pin_file, pin_file_name, pins, platform
from esru.hdl.board_plan import board_plan
from esru.report.fresh import stale

every_board = pytest.mark.parametrize("chosen", BOARDS.values(), ids=lambda board: board.name)

#: Port to site and attributes, and port to megahertz.
Read = tuple[dict[str, tuple[str, dict[str, str]]], dict[str, float]]


def _constraints() -> ModuleType:
    return script("constraints", "generate")


def read(text: str) -> Read:
    """Return what a pin file of any of the three kinds says."""
    sites: dict[str, str] = {}
    attributes: dict[str, dict[str, str]] = {}
    clocks: dict[str, float] = {}
    for line in text.splitlines():
        line = line.strip().rstrip(";")
        if not line or line.startswith(("#", "//", "BLOCK ")):
            continue
        words = line.replace('"', "").split()
        match words:
            case ["set_io", *options, port, site]:
                sites[port] = site
                if options:
                    assert options == ["-pullup", "yes"]
                    attributes[port] = {"PULLUP": "1"}
            case ["set_frequency", port, megahertz]:
                clocks[port] = float(megahertz)
            case ["LOCATE", "COMP", port, "SITE", site] | ["IO_LOC", port, site]:
                sites[port] = site
            case ["IOBUF", "PORT", port, *settings] | ["IO_PORT", port, *settings]:
                attributes.setdefault(port, {}).update(pair.split("=") for pair in settings)
            case ["FREQUENCY", "PORT", port, number, unit]:
                clocks[port] = float(number) * {"HZ": 1e-6, "MHZ": 1.0}[unit]
            case _:
                pytest.fail(f"a line that no pin file has: {line}")
    assert attributes.keys() <= sites.keys()
    return {port: (site, attributes.get(port, {})) for port, site in sites.items()}, clocks


@dataclass
class Requested:
    """What a platform says of its resources."""

    pins: dict[str, tuple[str, dict[str, str]]]
    clocks: dict[str, float]
    ports: dict[str, Any]


def requested(chosen: Board) -> Requested:
    """Return the pin file of a design that asks the platform for its resources by name.

    Nothing of ours goes into it but which resource a port is: no site, no attribute.
    """
    found, module, ports = platform(chosen), Module(), {}
    module.domains.sync = ClockDomain()
    if chosen.header:
        found.add_resources([_adapter(chosen)])
    for pin in pins(chosen):
        name, number, signal = pin.resource
        if chosen.header and pin.port in ("rx", "tx"):
            name, number, signal = "adapter", 0, pin.port
        group = _request(found, name, number)
        ports[pin.port] = getattr(group, signal) if signal else group
        buffer = io.Buffer("o" if pin.output else "i", ports[pin.port])
        module.submodules += buffer
        if not pin.output:
            module.d.sync += Signal(name="kept").eq(buffer.i)
    plan = found.prepare(module, "plain")
    seen, clocks = read(plan.files["plain" + Path(pin_file_name(chosen)).suffix])
    names = {port.io.name: name for name, port in ports.items()}
    return Requested(
        {names[port]: value for port, value in seen.items()},
        {names[port]: value for port, value in clocks.items()},
        ports,
    )


def _adapter(chosen: Board) -> Resource:
    """Return an adapter on a board's connector, as amaranth-boards says such a thing."""
    parts = []
    for port, direction, label in zip(("rx", "tx"), ("i", "o"), chosen.header, strict=True):
        connector, _, pin = label.partition(":")
        name, _, number = connector.rpartition("_")
        parts.append(Subsignal(port, Pins(pin, dir=direction, conn=(name, int(number)))))
    return Resource("adapter", 0, *parts)


def _request(found: Any, name: str, number: int) -> Any:
    """Return the ports of a resource, asked for once."""
    made = found.__dict__.setdefault("made", {})
    if (name, number) not in made:
        signals = [entry for entry in found.lookup(name, number).ios if hasattr(entry, "ios")]
        direction = {entry.name: "-" for entry in signals} if signals else "-"
        made[name, number] = found.request(name, number, dir=direction)
    return made[name, number]


@every_board
def test_the_platform_says_the_same_of_its_resources(chosen: Board) -> None:
    """Sites, standards, pulls, inversions, directions and the clock, each asked for by name."""
    there = requested(chosen)
    ours, clocks = read(pin_file(chosen))
    assert clocks == there.clocks
    assert clocks.get("clk", chosen.oscillator_hz / 1e6) == chosen.oscillator_hz / 1e6
    assert list(ours) == [pin.port for pin in pins(chosen)]
    for pin in pins(chosen):
        site, attributes = ours[pin.port]
        port = there.ports[pin.port]
        assert pin.inverted == port.invert[0], pin
        assert ("o" if pin.output else "i") == port.direction.value, pin
        assert site == pin.site == there.pins[pin.port][0], pin
        if chosen.header and pin.port in ("rx", "tx"):
            continue  # a bare pin of a connector has no attributes there
        if chosen.family == "ice40":
            # Pulls are parameters of the pad in Amaranth's netlist; its .pcf has none.
            pulled = str(port.io.metadata[0].attrs.get("PULLUP", 0)) == "1"
            assert attributes == ({"PULLUP": "1"} if pulled and not pin.output else {}), pin
        else:
            assert attributes == there.pins[pin.port][1], pin


@every_board
def test_the_build_has_the_same_pins(chosen: Board) -> None:
    """What `esru build` replaces in amaranth-boards' plan is the same but for pull-ups."""
    ports = ", ".join(f"{'output' if pin.output else 'input'} {pin.port}" for pin in pins(chosen))
    verilog = f"module demo({ports}); endmodule\n"
    plan = board_plan(platform(chosen), chosen, chosen.clock_hz, verilog)
    theirs, _ = read(plan.files["board" + Path(pin_file_name(chosen)).suffix])
    ours, _ = read(pin_file(chosen))
    if chosen.family == "ice40":
        ours = {port: (site, {}) for port, (site, _) in ours.items()}
    assert theirs == ours


@every_board
def test_every_board_can_show_how_it_went(chosen: Board) -> None:
    used = [pin.port for pin in pins(chosen)]
    assert len(set(used)) == len(used)
    assert len({pin.site for pin in pins(chosen)}) == len(used)
    leds = [pin.port for pin in pins(chosen) if pin.port in LED_MEANING]
    assert {"clk", "rx", "tx", *leds} >= set(used) and leds
    # A self-test that ends badly shows on its own LED, or by the one LED's rhythm.
    assert (
        {"led_passed", "led_failed"} <= set(leds)
        or {"led_green", "led_red"} <= set(leds)
        or leds == ["led"]
    )
    assert ("rx" in used) == ("tx" in used) == bool(chosen.serial or chosen.header)
    if chosen.header:
        adapter = next(pin for pin in pins(chosen) if pin.port == "rx")
        assert {"1", "UP"} & set(adapter.attributes.values())  # idle with nothing connected


def test_the_constraints_folder_is_fresh(tmp_path: Path) -> None:
    generate = _constraints()
    assert not stale(generate.wanted()), "run python constraints/generate.py"
    # It would be seen: a changed file, a missing one, one of a board that is gone.
    for path, text in generate.generated().items():
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    generate.HERE = tmp_path
    assert not stale(generate.wanted())
    (tmp_path / "icebreaker.pcf").write_text("set_io clk 36\n", encoding="utf-8")
    (tmp_path / "icestick.pcf").unlink()
    (tmp_path / "gone.lpf").write_text("", encoding="utf-8")
    assert {path.name for path in stale(generate.wanted())} == {
        "icebreaker.pcf",
        "icestick.pcf",
        "gone.lpf",
    }
