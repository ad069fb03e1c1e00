"""Float formats and float units, once more in plain Python: values as exact integers.

Written from `docs/rounding.md` alone and importing nothing of esru. A value is counted in units so
small that every number of every format, divided by any scale, is a whole number of them.
"""

from functools import cache

#: name: exponent bits, fraction bits, bias, has infinity, has NaN
FORMATS = {
    "float32": (8, 23, 127, True, True),
    "float16": (5, 10, 15, True, True),
    "bfloat16": (8, 7, 127, True, True),
    "ocp_e5m2": (5, 2, 15, True, True),
    "ocp_e4m3": (4, 3, 7, False, True),
    "ocp_e3m2": (3, 2, 3, False, False),
    "ocp_e2m3": (2, 3, 1, False, False),
    "ocp_e2m1": (2, 1, 1, False, False),
}


#: An input format with this in front has the 8-bit scale of a block above its sign: the pattern s
#: stands for 2^(s - SCALE_BIAS).
SCALED = "mx_"
SCALE_BIAS = 127

#: A value is an integer, in units of 2^-UNIT: below the least number by the greatest scale.
UNIT = 320


class Float:
    """A format: patterns without their sign, and the values of the finite ones."""

    def __init__(self, name):
        self.scaled = name.startswith(SCALED)
        name = name.removeprefix(SCALED)
        self.exponent, self.fraction, self.bias, self.infinite, nan = FORMATS[name]
        self.sign = 2 ** (self.exponent + self.fraction)
        self.width = 1 + self.exponent + self.fraction + 8 * self.scaled
        ones = self.sign - 1
        if self.infinite:
            self.infinity = ones - 2**self.fraction + 1
            self.highest, self.nan = self.infinity - 1, self.infinity + 2 ** (self.fraction - 1)
        elif nan:
            self.highest, self.nan = ones - 1, ones
        else:
            self.highest, self.nan = ones, None

    def value(self, magnitude):
        """Return the exact value of a finite pattern without its sign."""
        field, fraction = divmod(magnitude, 2**self.fraction)
        if field == 0:
            return fraction << self.last(1)
        return (2**self.fraction + fraction) << self.last(field)

    def last(self, field):
        """Return which bit of a value is the last one at an exponent field."""
        return field - self.bias - self.fraction + UNIT

    def below(self, value):
        """Return the pattern of the greatest finite number that is not above a value."""
        binade = value.bit_length() - 1 - UNIT
        field = max(binade + self.bias, 1)
        # Patterns count on over the binades: the leading bit of a normal number is a field's.
        whole = value >> self.last(field)
        return min((field - 1) * 2**self.fraction + whole, self.highest)


class FloatUnit:
    """A float unit of given formats.

    Parameters
    ----------
    parameters : dict
        The manifest's.
    """

    def __init__(self, parameters):
        self.input, self.output = Float(parameters["in"]), Float(parameters["out"])
        self.n = parameters["n"]
        self.saturates = parameters["overflow"] == "saturate"
        output = self.output
        self.beyond = output.highest
        if not self.saturates:
            self.beyond = output.infinity if output.infinite else output.nan
        top = output.value(output.highest)
        # One step above the greatest number, as if the exponent went on.
        self.step = top - output.value(output.highest - 1)
        self.interval = cache(self._interval)
        # The outputs that some inputs are close to.
        ends = (self.input.value(1), self.input.value(self.input.highest))
        self.lowest, self.highest = (output.below(end) for end in ends)
        if self.input.scaled:
            self.lowest, self.highest = 0, output.highest

    def rounded(self, x, decide):
        """Return the output pattern; `decide` tells from f (n bits) whether to round up."""
        exponent, negative, magnitude = self.split(x)
        return negative * self.output.sign + self._magnitude(magnitude, exponent, decide)

    def split(self, x):
        """Return an input's exponent of the scale, its sign and its magnitude."""
        word, magnitude = divmod(x, self.input.sign)
        exponent, negative = divmod(word, 2)
        return exponent - SCALE_BIAS if self.input.scaled else 0, negative, magnitude

    def join(self, exponent, negative, value):
        """Return the input whose quotient by the scale 2^exponent is closest below a value."""
        word = negative * self.input.sign + self.input.below(shifted(value, exponent))
        if self.input.scaled:
            word += (exponent + SCALE_BIAS) * 2 * self.input.sign
        return word

    def _magnitude(self, magnitude, exponent, decide):
        source, output = self.input, self.output
        if magnitude > source.infinity:
            return output.highest if output.nan is None else output.nan
        if magnitude == source.infinity:
            return self.beyond
        value = shifted(source.value(magnitude), -exponent)
        down = output.below(value)
        low, gap = self.interval(down)
        if value >= low + gap:
            return self.beyond
        # Between two neighbours: the fraction is the share of the way to the upper one.
        f = (value - low) * 2**self.n // gap
        if not decide(f):
            return down
        return self.beyond if down == output.highest else down + 1

    def _interval(self, down):
        """Return an output's value and the step to the next one, also beyond the greatest."""
        low = self.output.value(down)
        if down == self.output.highest:
            return low, self.step
        return low, self.output.value(down + 1) - low

    def exact(self, x):
        """Return an input without its dropped bits, in the output's range."""
        exponent, negative, magnitude = self.split(x)
        if magnitude >= self.input.infinity:
            magnitude = 0
        quotient = shifted(self.input.value(magnitude), -exponent)
        return self.join(exponent, negative, self.output.value(self.output.below(quotient)))

    def is_kept(self, x, y):
        """Return whether an output has the sign and value of a finite input."""
        exponent, negative, magnitude = self.split(x)
        signed, seen = divmod(y, self.output.sign)
        quotient = shifted(self.input.value(magnitude), -exponent)
        return (negative, quotient) == (signed, self.output.value(seen))

    def exponent(self, random):
        """Return the exponent of a block's scale: mostly near 0, where results are in range."""
        if not self.input.scaled:
            return 0
        return random.choice((random.randrange(-8, 9), random.randrange(-127, 129)))

    def chosen(self, f, random, at_end, exponent):
        """Return an input with a fraction f where the formats allow it, or a special one."""
        bits = random.getrandbits
        negative, high = bits(1), 0
        if self.input.scaled:
            high = (exponent + SCALE_BIAS) * 2 * self.input.sign
        high += negative * self.input.sign
        kind = bits(6)
        if kind < 8:
            specials = (0, 1, self.input.highest, self.input.infinity, self.input.infinity + 1)
            return high + random.choice(specials)
        if kind < 15:
            wide = self.input.exponent + self.input.fraction if kind % 2 else self.input.fraction
            return high + bits(wide)
        if at_end:
            down = self.highest - bits(1)
        else:
            down = self.lowest + int(random.random() * (self.highest - self.lowest + 1))
        low, gap = self.interval(down)
        return self.join(exponent, negative, low + (gap * (2 * f + 1) >> (self.n + 1)))


def shifted(value, exponent):
    """Return a value times 2^exponent, rounded down."""
    return value << exponent if exponent >= 0 else value >> -exponent
