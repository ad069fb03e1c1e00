"""Amaranth hardware, derived from a `Design` and its polynomial alone.

`sources` holds the random sources, `rounder` the rules, `unit` the result of a lane, `bank` the
array of lanes and `emit` the text forms (RTLIL, Verilog). Nothing here is needed to know what a
design does: that is `esru.rounding` and `esru.sources`, which this package is checked against.
"""
