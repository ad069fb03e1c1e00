"""What is trained for the evidence page: studies, each a list of points. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd

from esru.design import Design, parse
from esru.emulate.stream import DEFAULT_LANES, Array
from esru.errors import InputError
from esru.resonance import divisors
from esru.sources import fresh_leap
from esru.train.tasks import find_task

#: Runs of each point at each learning rate, where a run takes a hundredth of a second, and where
#: it takes half a second or more; and where it takes four.
SEEDS, FEW_SEEDS, LEAST_SEEDS = 32, 16, 8

#: The best decision of one LUT4, found by machine (`esru.search.found`), with one source for all.
ONE_LUT = "4:4:table-c0fcff00.11.5:lfsr13,leap=4,lanes=64"

#: What a point is compared with unless it says otherwise.
REFERENCE = parse("reference")

#: The sources of a k-bit word: a long register whose words share no bits, one of just k bits
#: (`select`: k + 1, its index must leave states over), and that one and its inverse in turns.
SOURCES = ("long", "short", "plateau")

#: A number of cycles that has no divisor in common with any period of `naive`.
COPRIME_CYCLES = 41

#: Lengths of the registers that three random bits come from in `registers`.
LENGTHS = (3, 4, 5, 6, 7, 8, 13, 24)

#: Sources of three random bits of another kind than `SOURCES`, no bit twice where there is a leap.
FAMILIES = ("debruijn13,leap=5", "plateau13,leap=4", "cellular13,leap=4", "counter3")
OPERANDS = ("operand-own", "operand-neighbour", "operand-xor")

#: Integers of 4 to 8 bits and the floats of up to 8.
FORMATS = (
    *(f"s{bits}.0" for bits in (8, 7, 6, 5, 4)),
    *("ocp_e4m3", "ocp_e5m2", "ocp_e3m2", "ocp_e2m3", "ocp_e2m1"),
)

#: How many lanes share one source in `sharing`.
LANES = (1, 2, 4, 8, 16, 32, 64, 128, 256)

#: The units of `resonance`: every gcd with their period is trained.
RESONANT = (
    "8:3:replicate:plateau3",
    "4:3:half:lfsr6,leap=4",
    "6:6:zero:debruijn6,leap=7",
    "8:7:select:lfsr8,leap=7",
    "8:8:zero:lfsr8,leap=8",
    "4:3:select:lfsr7,leap=3",
)


@dataclass(frozen=True)
class Tensors:
    """A training in esru.torch: which tensors go through which unit; empty: not rounded.

    Parameters
    ----------
    weights, activations, gradients, updates : str
        As `esru.torch.Rounding` takes them. All empty: float32.
    """

    weights: str = ""
    activations: str = ""
    gradients: str = ""
    updates: str = ""

    def __str__(self) -> str:
        """Return what is rounded, as the result file and the page have it."""
        named = (f"{name} {unit}" for name, unit in vars(self).items() if unit)
        return "; ".join(named) or "float32"


Trained = Design | Tensors

FLOAT32 = Tensors()


@dataclass(frozen=True)
class Point:
    """One thing that is trained, at every learning rate of its study.

    Attributes
    ----------
    series : str
        The line that it is a point of.
    at : int or None
        Where on that line: k, the gcd, the lanes, the bits.
    trained : Design or Tensors
        What rounds.
    schedule : str
        ``natural``, ``worst`` or ``fixed:C``.
    against : Design, Tensors or None
        What its runs are paired with, on the same schedule; None: the reference, on the
        schedule ``natural`` if this one is fixed.
    """

    series: str
    at: int | None
    trained: Trained
    schedule: str = "natural"
    against: Trained | None = None

    def partner(self) -> Point:
        """Return what this one is compared with."""
        if self.against is not None:
            return Point("", None, self.against, self.schedule)
        fixed = self.schedule.startswith("fixed")
        return Point("", None, REFERENCE, "natural" if fixed else self.schedule)


@dataclass(frozen=True)
class Study:
    """A question and the points that answer it."""

    name: str
    task: str
    learning_rates: tuple[float, ...]
    points: tuple[Point, ...]
    lanes: int = DEFAULT_LANES
    seeds: int = SEEDS


def word_source(source: str, rule: str, k: int) -> str | None:
    """Return one of `SOURCES` as a design's text has it; None: too short to exist."""
    if source == "long":
        return f"lfsr24,leap={fresh_leap('lfsr', 24, k)}"
    length = k + (rule == "select")
    if length < 2:
        return None
    return f"lfsr{length}" if source == "short" else f"plateau{length}"


def by_bits() -> list[Point]:
    """Return accuracy against k, rule and source: n = 8, `select` n = k + 1."""
    points = [
        Point("zero, long", 0, parse("8:0:zero:none")),
        Point("half, long", 0, parse("8:0:half:none")),
    ]
    for source in SOURCES:
        for rule in ("zero", "half", "nearest", "replicate", "select"):
            for k in range(1, 9):
                words = word_source(source, rule, k)
                if words is None or (k == 8 and rule in ("half", "select")):
                    continue
                unit = parse(f"{k + 1 if rule == 'select' else 8}:{k}:{rule}:{words}")
                points.append(Point(f"{rule}, {source}", k, unit))
    # Without a random bit there is no period to meet.
    return [*points, *(replace(p, schedule="worst") for p in points if p.at)]


def naive() -> list[Point]:
    """Return the plain register, the same and its inverse in turns, and an exactly uniform one."""
    points = []
    schedule = f"fixed:{COPRIME_CYCLES}"
    for k in (2, 3, 4):
        for rule in ("zero", "half", "nearest", "replicate"):
            plain = parse(f"8:{k}:{rule}:lfsr{k}")
            points.append(Point(f"{rule}, lfsr", k, plain, schedule))
            for family in ("plateau", "debruijn"):
                unit = parse(f"8:{k}:{rule}:{family}{k}")
                points.append(Point(f"{rule}, {family}", k, unit, schedule))
                points.append(Point(f"{rule}, {family} less lfsr", k, unit, schedule, plain))
            packed = parse(f"8:{k}:{rule}:{word_source('long', rule, k)}")
            unit = parse(f"8:{k}:{rule}:plateau{k}")
            points.append(Point(f"{rule}, plateau less long", k, unit, schedule, packed))
    return points


def registers() -> list[Point]:
    """Return three random bits of registers from 3 bits to 24, one step a word and fresh.

    Without resonance, so that what differs is how many words there are, and how they follow.
    """
    points = []
    schedule = f"fixed:{COPRIME_CYCLES}"
    for rule in ("zero", "half", "nearest", "replicate", "select"):
        for length in LENGTHS:
            if rule == "select" and length == 3:
                continue  # Its index must leave states over.
            n = 4 if rule == "select" else 8
            for step, leap in (("one step", 1), ("fresh", fresh_leap("lfsr", length, 3))):
                unit = parse(f"{n}:3:{rule}:lfsr{length},leap={leap}")
                points.append(Point(f"{rule}, {step}", length, unit, schedule))
    return points


def families() -> list[Point]:
    """Return three random bits of every other kind of source, operands among them."""
    points = []
    for rule in ("zero", "half", "select"):
        n = 4 if rule == "select" else 8
        for source in FAMILIES:
            unit = parse(f"{n}:3:{rule}:{source}")
            points += [Point(f"{rule}, {source}", 3, unit, how) for how in ("natural", "worst")]
        for source in OPERANDS:
            # They have no period to meet. A neighbour is another lane of the same source.
            lanes = "" if source == "operand-own" else ",lanes=64"
            unit = parse(f"{n}:3:{rule}:{source}{lanes},in=s{n + 11}.{n + 3}")
            points.append(Point(f"{rule}, {source}", 3, unit))
    return points


def resonant_cycles(design: Design, wanted: int, task: str = "digits-mlp") -> int:
    """Return the least C of a task, from C0 on, whose gcd with the period is `wanted`."""
    least = find_task(task).cycles()
    period = Array(design, DEFAULT_LANES).period
    return next(c for c in range(least, least + 2 * period + 1) if gcd(c, period) == wanted)


def resonance() -> list[Point]:
    """Return accuracy against gcd(C, period), for every gcd that there is."""
    return [
        Point(text, g, parse(text), f"fixed:{resonant_cycles(parse(text), g)}")
        for text in RESONANT
        for g in divisors(Array(parse(text), DEFAULT_LANES).period)
    ]


def sharing() -> list[Point]:
    """Return lanes that share one source, up to all 256, and what lane maps make of it."""
    points = []
    for text in ("reference", "4:3:select:lfsr24,leap=4", "8:7:select:lfsr13,leap=7", "papers"):
        for lanes in LANES:
            unit = replace(parse(text), lanes=lanes)
            points += [Point(text, lanes, unit, how) for how in ("natural", "worst")]
    for name in ("same", "rotate", "permute", "invert", "delay"):
        for lanes in (4, 16, 64, 256):
            unit = parse(f"4:4:zero:lfsr13,leap=4,lanes={lanes},map={name}")
            points.append(Point(f"4:4:zero:lfsr13,leap=4, {name}", lanes, unit))
    return points


def formats() -> list[Point]:
    """Return weights stored in fewer bits and in floats, rounded to nearest and stochastically."""
    points = [Point("float32", 32, FLOAT32, against=FLOAT32)]
    for name in FORMATS:
        wide = "24:24" if name.startswith("s") else "20:20"
        units = {
            "nearest": "8:0:half:none",
            "reference": f"{wide}:zero:lfsr24",
            "winner": "winner",
            "papers": "papers",
        }
        for label, text in units.items():
            unit = parse(f"{text},out={name}")
            # Without a random bit there is no period to meet.
            for how in ("natural", "worst") if unit.k else ("natural",):
                points.append(Point(f"{name}, {label}", None, unit, how, FLOAT32))
    return points


def tensors() -> list[Point]:
    """Return which tensor's rounding matters, with a copy of the weights in float32 and without."""
    points = [Point("float32", None, FLOAT32, against=FLOAT32)]
    kinds = ("weights", "activations", "gradients")
    for bits, out in ((8, ""), (4, ",out=s4.0"), (2, ",out=s2.0")):
        # Of two bits only gradients are anything like enough.
        for kind in kinds if bits > 2 else ("gradients",):
            base = dict.fromkeys(kinds, "nearest") | {kind: f"nearest{out}"}
            plain = Tensors(**base)
            unit = Tensors(**base | {kind: f"reference{out}"})
            label = f"with a copy, {kind} in {bits} bits"
            points.append(Point(f"{label}, nearest", bits, plain, against=FLOAT32))
            points.append(Point(f"{label}, stochastic", bits, unit, against=plain))
    stored = Tensors("", "nearest", "nearest", "nearest")
    points.append(Point("without a copy, all nearest", 8, stored, against=FLOAT32))
    for kind in ("activations", "gradients", "updates"):
        unit = replace(stored, **{kind: "reference"})
        points.append(Point(f"without a copy, {kind} stochastic", 8, unit, against=stored))
    every = Tensors("", "reference", "reference", "reference")
    points.append(Point("without a copy, all stochastic", 8, every, against=stored))
    return points


def digits_cnn() -> list[Point]:
    """Return the search's winner and readings of the papers' point on the digits' other network."""
    long = ("nearest", "winner", "8:7:select:lfsr13,leap=7,lanes=64")
    points = [Point("reference", None, REFERENCE)]
    points += [Point(text, None, parse(text)) for text in long]
    points += [Point(text, None, parse(text), "worst") for text in long[1:]]
    for text in ("papers", "papers-zero", "8:3:nearest:plateau3", "8:3:half:plateau3"):
        unit = parse(text)
        # As it comes, without resonance, and with as much as there can be.
        alone = f"fixed:{resonant_cycles(unit, 1, 'digits-cnn')}"
        points += [Point(text, None, unit, schedule) for schedule in ("natural", alone, "worst")]
    return points


def chars_transformer() -> list[Point]:
    """Return the search's winner and the papers' point on a transformer; a run takes seconds."""
    papers = parse("papers")
    alone = f"fixed:{resonant_cycles(papers, 1, 'chars-transformer')}"
    return [
        Point("reference", None, REFERENCE),
        Point("winner", None, parse("winner")),
        Point("papers", None, papers),
        Point("papers", None, papers, alone),
        Point("winner", None, parse("winner"), "worst"),
        Point("papers", None, papers, "worst"),
    ]


def fp4_transformer() -> list[Point]:
    """Return gradients rounded to FP4 by the papers' point and by one LUT a lane."""
    points = [Point("reference", None, REFERENCE)]
    for name, text in (("one LUT4", ONE_LUT), ("papers", "papers")):
        points += [Point(name, None, parse(text), how) for how in ("natural", "worst")]
    return points


def studies() -> list[Study]:
    """Return every study, in the order of the page."""
    rates = find_task("digits-mlp").learning_rates
    names = ("digits-cnn", "chars-transformer", "fp4-transformer")
    cnn, chars, fp4 = (find_task(name).learning_rates for name in names)
    return [
        Study("bits", "digits-mlp", rates, tuple(by_bits())),
        Study("naive", "digits-mlp", rates, tuple(naive())),
        Study("registers", "digits-mlp", rates, tuple(registers())),
        Study("families", "digits-mlp", rates, tuple(families())),
        Study("resonance", "digits-mlp", rates, tuple(resonance())),
        Study("sharing", "digits-mlp", rates, tuple(sharing()), lanes=256),
        # At 2^-2 rounding to nearest loses little: the others say more.
        Study("tensors", "digits-mlp", rates[1:], tuple(tensors()), seeds=FEW_SEEDS),
        Study("formats", "digits-mlp", rates, tuple(formats())),
        Study("digits-cnn", "digits-cnn", cnn, tuple(digits_cnn())),
        Study(
            "chars-transformer",
            "chars-transformer",
            chars,
            tuple(chars_transformer()),
            seeds=FEW_SEEDS,
        ),
        Study(
            "fp4-transformer",
            "fp4-transformer",
            fp4,
            tuple(fp4_transformer()),
            seeds=LEAST_SEEDS,
        ),
    ]


def find_study(name: str) -> Study:
    """Return a study by its name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    known = {study.name: study for study in studies()}
    if name not in known:
        raise InputError.must("Study", f"one of {', '.join(known)}", repr(name))
    return known[name]
