"""Synthesis, packing, proof and bitstreams with external tools."""
