"""The peers' Verilog does what the designs do whose bias and training stand for theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from esru.boundaries import ROUNDINGS
from esru.errors import InputError
from esru.flow.peers import PEERS, peer_netlist, prove_peer
from esru.hdl.emit import module_name


@pytest.mark.parametrize("boundary", ROUNDINGS)
@pytest.mark.parametrize("name", PEERS)
def test_every_peer_is_its_design(name: str, boundary: str, tmp_path: Path) -> None:
    check = prove_peer(PEERS[name], boundary, tmp_path)
    assert check.passed, check.detail
    assert "every input, en and rst in every cycle" in check.detail


@pytest.mark.parametrize(
    ("name", "boundary", "right", "wrong"),
    [
        ("comparator12", "decision", "s < frac", "s <= frac"),
        ("comparator12", "unit", "x[23:12]", "x[22:11]"),
        ("adder16", "unit", "total > 127", "total > 128"),
        ("comparator12", "result", "total > 127", "total > 128"),
        ("adder16", "decision", "s[12] ^ s[10]", "s[11] ^ s[10]"),
        pytest.param("galois32", "decision", "32'd197", "32'd199", marks=pytest.mark.slow),
        ("galois32", "unit", "s[31:8]}", "s[30:7]}"),
    ],
)
def test_a_fault_is_found(name: str, boundary: str, right: str, wrong: str, tmp_path: Path) -> None:
    peer = PEERS[name]
    text = peer.verilog(boundary, module_name(peer.at(boundary)))
    assert right in text
    assert not prove_peer(peer, boundary, tmp_path, text=text.replace(right, wrong)).passed


def test_other_boundaries_are_refused() -> None:
    rule = "Boundary of a peer must be one of decision, result, unit, not 'x'"
    with pytest.raises(InputError, match=rule):
        peer_netlist(PEERS["adder16"], "x")
