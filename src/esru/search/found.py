"""The decisions that `esru.search.decisions`, `decision_two` and `decision_joined` found.

`docs/results/decisions.json` holds the same with their figures; a test compares the two.
"""

from __future__ import annotations

#: Rounding bits, random bits and rule, by the LUTs of a lane.
FOUND: dict[str, tuple[int, int, str]] = {
    "1 LUT4": (
        4,
        4,
        "table-c0fcff00.11.5",
    ),
    "1 LUT6": (
        6,
        6,
        "table-f0f0f0f0f0f0f0f0ff00ff00ff00ff00ffff0000ffff0000ffffffff00000000.33.17.9.5",
    ),
    "2 LUT4": (
        8,
        8,
        (
            "table-ffffffff00000000ffffffff00000000ffffffff00000000ffffffff00000000ffff0000ff"
            "ff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffffffff00000000ffffffff00"
            "000000ffff0000ffff0000ffff0000ffff0000ffffffff00000000ffff0000ffff0000ffffffff00"
            "000000ffff0000ffff0000ffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
            "ffffff0000000000000000000000000000000000000000000000000000000000000000ffffffffff"
            "ffffffffffffffffffffff00000000000000000000000000000000ffffffffffffffff0000000000"
            "000000ffffffffffffffff0000000000000000.67.131.3.0.1.1.18.35"
        ),
    ),
    "2 LUT6": (
        8,
        8,
        (
            "table-ffffffffffffffffffffffffffffffff00000000000000000000000000000000ffffffffff"
            "ffffffffffffffffffffff00000000000000000000000000000000ffffffffffffffffffffffffff"
            "ffffff00000000000000000000000000000000ffffffffffffffffffffffffffffffff0000000000"
            "0000000000000000000000ffffffffffffffff0000000000000000ffffffffffffffff0000000000"
            "000000ffffffffffffffff0000000000000000ffffffffffffffff0000000000000000ffffffffff"
            "ffffff0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff0000000000"
            "000000ffffffffffffffff000000000000000000000000cccccccc00000000cccccccccccccccccc"
            "cccccccccccccccccccccc0000cccc0000cccc0000cccc0000cccccccccccccccccccccccccccccc"
            "cccccc00cc00cc00cc00cc00cc00cc00cc00cccccccccccccccccccccccccccccccccc0c0c0c0c0c"
            "0c0c0c0c0c0c0c0c0c0c0cccccccccccccccccccccccccccccccccffffffff00000000ffffffff00"
            "000000ffffffff00000000ffffffff00000000ffff0000ffff0000ffff0000ffff0000ffff0000ff"
            "ff0000ffff0000ffff0000ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff"
            "00ff00f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0.4.8.16.32"
            ".1.1.0.1.0.0.0.64.0.0.0.129"
        ),
    ),
}

#: The same of two LUT6 that a multiplexer joins, which the 7-series alone have: not in the
#: search's space.
JOINED: tuple[int, int, str] = (
    8,
    8,
    (
        "table-54aa54aa54aa54aa54aa54aa54aa54aa54aa54aa54aa54aa54aa54aa54aa54aa98cc98cc98"
        "cc98cc98cc98cc98cc98cc98cc98cc98cc98cc98cc98cc98cc98cce0f0e0f0e0f0e0f0e0f0e0f0e0"
        "f0e0f0e0f0e0f0e0f0e0f0e0f0e0f0e0f0e0f0ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff"
        "00ff00ff00ff00ff00ff00ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ff"
        "ff0000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffffff"
        "ffffff0000000000000000ffffffffffffffff0000000000000000ffffffffffffffffffffffffff"
        "ffffff00000000000000000000000000000000.128.64.32.16.9.4.2.1"
    ),
)
