"""Clock frequencies that the chips' PLLs can make, and the settings that make them.

The limits are the data sheets': Lattice FPGA-TN-02052 (iCE40 sysCLOCK PLL) and FPGA-TN-02200
(ECP5 and ECP5-5G sysCLOCK PLL). All frequencies are in hertz.
"""

from __future__ import annotations

from dataclasses import dataclass

from esru.errors import InputError

#: How far the clock that is made may lie from the one asked for, in parts of the latter.
TOLERANCE = 0.01

ICE40_INPUT = (10_000_000, 133_000_000)
ICE40_PFD = (10_000_000, 133_000_000)
ICE40_VCO = (533_000_000, 1_066_000_000)
ICE40_OUTPUT = (16_000_000, 275_000_000)

ECP5_INPUT = (8_000_000, 400_000_000)
ECP5_PFD = (3_125_000, 400_000_000)
ECP5_VCO = (400_000_000, 800_000_000)
ECP5_OUTPUT = (3_125_000, 400_000_000)


@dataclass(frozen=True)
class Ice40Pll:
    """Settings of an iCE40 PLL in simple feedback.

    The output is input * (divf + 1) / (2^divq * (divr + 1)).

    Attributes
    ----------
    divr, divf, divq : int
        Reference divider less 1 (0 to 15), feedback divider less 1 (0 to 127: the usage guide's
        63 is the limit of the other feedback modes), exponent of the output divider (1 to 6).
    filter_range : int
        The loop filter's setting for the frequency at the phase detector, 1 to 6.
    hz : int
        The output's frequency, rounded to whole hertz.
    """

    divr: int
    divf: int
    divq: int
    filter_range: int
    hz: int


@dataclass(frozen=True)
class Ecp5Pll:
    """Settings of an ECP5 PLL whose feedback is its primary output.

    The output is input * clkfb_div / clki_div; the oscillator runs at clkop_div times that.

    Attributes
    ----------
    clki_div, clkfb_div, clkop_div : int
        Dividers of the reference, the feedback and the output, 1 to 128 each.
    hz : int
        The output's frequency, rounded to whole hertz.
    """

    clki_div: int
    clkfb_div: int
    clkop_div: int
    hz: int

    @property
    def phase(self) -> int:
        """CLKOP_CPHASE: the output edge on the reference's, which is the divider less 1."""
        return self.clkop_div - 1


def ice40_pll(input_hz: int, output_hz: int) -> Ice40Pll:
    """Return the settings whose output is nearest to what is asked for.

    Of equally near ones the one with the highest frequency at the phase detector is taken (the
    least jitter), then the one with the slowest oscillator.

    Raises
    ------
    InputError
        If no setting within the data sheet's limits comes within 1 %.
    """
    best: tuple[tuple[float, int, int], Ice40Pll] | None = None
    for divr in range(16) if _within(input_hz, ICE40_INPUT) else ():
        if not _within(input_hz / (divr + 1), ICE40_PFD):
            continue
        for divf in range(128):
            vco = input_hz * (divf + 1) / (divr + 1)
            if not _within(vco, ICE40_VCO):
                continue
            for divq in range(1, 7):
                hz = vco / 2**divq
                if not _within(hz, ICE40_OUTPUT):
                    continue
                rank = (abs(hz - output_hz), divr, divf)
                if best is None or rank < best[0]:
                    filter_range = ice40_filter(input_hz / (divr + 1))
                    best = rank, Ice40Pll(divr, divf, divq, filter_range, round(hz))
    return _found(best, input_hz, output_hz, ICE40_OUTPUT)


def ice40_filter(pfd_hz: float) -> int:
    """Return FILTER_RANGE for a frequency at the phase detector."""
    steps = (17_000_000, 26_000_000, 44_000_000, 66_000_000, 101_000_000)
    return 1 + sum(pfd_hz >= step for step in steps)


def ecp5_pll(input_hz: int, output_hz: int) -> Ecp5Pll:
    """Return the settings whose output is nearest to what is asked for.

    Of equally near ones the one with the highest frequency at the phase detector is taken (the
    least jitter), then the one whose oscillator is nearest to the middle of its range.

    Raises
    ------
    InputError
        If no setting within the data sheet's limits comes within 1 %.
    """
    middle = sum(ECP5_VCO) / 2
    best: tuple[tuple[float, int, float], Ecp5Pll] | None = None
    for clki in range(1, 129) if _within(input_hz, ECP5_INPUT) else ():
        if not _within(input_hz / clki, ECP5_PFD):
            continue
        for clkfb in range(1, 129):
            hz = input_hz * clkfb / clki
            if not _within(hz, ECP5_OUTPUT):
                continue
            for clkop in range(1, 129):
                if not _within(hz * clkop, ECP5_VCO):
                    continue
                rank = (abs(hz - output_hz), clki, abs(hz * clkop - middle))
                if best is None or rank < best[0]:
                    best = rank, Ecp5Pll(clki, clkfb, clkop, round(hz))
    return _found(best, input_hz, output_hz, ECP5_OUTPUT)


def _within(value: float, limits: tuple[int, int]) -> bool:
    return limits[0] <= value <= limits[1]


def _found(best, input_hz: int, output_hz: int, limits: tuple[int, int]):
    """Return the settings of `best` if they are near enough."""
    if best is None or abs(best[1].hz - output_hz) > TOLERANCE * output_hz:
        low, high = (limit / 1e6 for limit in limits)
        near = "" if best is None else f"; the nearest is {best[1].hz / 1e6:g} MHz"
        rule = f"one that the PLL makes of {input_hz / 1e6:g} MHz ({low:g} to {high:g} MHz)"
        raise InputError.must("Clock", rule, f"{output_hz / 1e6:g} MHz{near}")
    return best[1]
