"""Float formats and float units, once more in plain Python: values as exact fractions.

Written from `docs/rounding.md` alone and importing nothing of esru.
"""

from fractions import Fraction

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


#: An input format with this in front has the 8-bit scale of a block above its sign.
SCALED = "mx_"


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
            return Fraction(fraction) * self.power(1)
        return (2**self.fraction + fraction) * self.power(field)

    def power(self, field):
        """Return the value of the last bit at an exponent field."""
        return Fraction(2) ** (field - self.bias - self.fraction)

    def below(self, value):
        """Return the pattern of the greatest finite number that is not above a value."""
        if value <= 0:
            return 0
        binade = value.numerator.bit_length() - value.denominator.bit_length()
        if value < Fraction(2) ** binade:
            binade -= 1
        field = max(binade + self.bias, 1)
        # Patterns count on over the binades: the leading bit of a normal number is a field's.
        whole = int(value / self.power(field))
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
        # The outputs that some inputs are close to.
        ends = (self.input.value(1), self.input.value(self.input.highest))
        self.lowest, self.highest = (output.below(end) for end in ends)
        if self.input.scaled:
            self.lowest, self.highest = 0, output.highest

    def rounded(self, x, decide):
        """Return the output pattern; `decide` tells from f (n bits) whether to round up."""
        scale, negative, magnitude = self.split(x)
        return negative * self.output.sign + self._magnitude(magnitude, scale, decide)

    def split(self, x):
        """Return an input's scale (a power of two), sign and magnitude."""
        word, magnitude = divmod(x, self.input.sign)
        exponent, negative = divmod(word, 2)
        return Fraction(2) ** (exponent - 127 if self.input.scaled else 0), negative, magnitude

    def join(self, scale, negative, value):
        """Return the input whose quotient by a scale is closest below a value."""
        word = negative * self.input.sign + self.input.below(value * scale)
        if self.input.scaled:
            exponent = scale.numerator.bit_length() - scale.denominator.bit_length() + 127
            word += exponent * 2 * self.input.sign
        return word

    def _magnitude(self, magnitude, scale, decide):
        source, output = self.input, self.output
        if magnitude > source.infinity:
            return output.highest if output.nan is None else output.nan
        if magnitude == source.infinity:
            return self.beyond
        value = source.value(magnitude) / scale
        down = output.below(value)
        if value >= output.value(output.highest) + self.step:
            return self.beyond
        # Between two neighbours: the fraction is the share of the way to the upper one.
        last = down == output.highest
        gap = self.step if last else output.value(down + 1) - output.value(down)
        f = int((value - output.value(down)) / gap * 2**self.n)
        if not decide(f):
            return down
        return self.beyond if last else down + 1

    def exact(self, x):
        """Return an input without its dropped bits, in the output's range."""
        scale, negative, magnitude = self.split(x)
        if magnitude >= self.input.infinity:
            magnitude = 0
        kept = self.output.value(self.output.below(self.input.value(magnitude) / scale))
        return self.join(scale, negative, kept)

    def is_kept(self, x, y):
        """Return whether an output has the sign and value of a finite input."""
        scale, negative, magnitude = self.split(x)
        signed, seen = divmod(y, self.output.sign)
        return (negative, self.input.value(magnitude) / scale) == (signed, self.output.value(seen))

    def chosen(self, f, random, at_end):
        """Return an input with a fraction f where the formats allow it, or a special one."""
        output = self.output
        negative, scale, high = random.randrange(2), Fraction(1), 0
        if self.input.scaled:
            exponent = random.choice((random.randrange(-8, 9), random.randrange(-127, 129)))
            scale, high = Fraction(2) ** exponent, (exponent + 127) * 2 * self.input.sign
        high += negative * self.input.sign
        if not random.randrange(8):
            specials = (0, 1, self.input.highest, self.input.infinity, self.input.infinity + 1)
            return high + random.choice(specials)
        if not random.randrange(8):
            bits = random.choice((self.input.exponent + self.input.fraction, self.input.fraction))
            return high + random.getrandbits(bits)
        down = random.randint(self.lowest, self.highest)
        if at_end:
            down = self.highest - random.randrange(2)
        gap = self.step
        if down < output.highest:
            gap = output.value(down + 1) - output.value(down)
        return self.join(
            scale, negative, output.value(down) + gap * Fraction(2 * f + 1, 2 ** (self.n + 1))
        )
