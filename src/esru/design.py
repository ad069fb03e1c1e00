"""`Design`: the complete description of one stochastic rounding unit.

Everything else, the exact model, the hardware, its cost and its training, is derived from a
`Design`. Its text form is ``n:k:rule:source[,key=value...]``; `docs/rounding.md` holds the
contract.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from math import gcd

from esru.boundaries import BOUNDARIES as BOUNDARIES
from esru.boundaries import COMBINATIONAL, check_boundary, more_inputs
from esru.decision_table import decision_table, is_table, named_rule
from esru.design_text import ALIASES as ALIASES
from esru.design_text import TEXT_KEYS, read_fields, write_text
from esru.errors import InputError
from esru.float_formats import SCALE_BITS, FloatFormat, check_block, float_pair
from esru.formats import INT8, FixedFormat, Format, fixed_pair
from esru.rules import RULES as RULES
from esru.rules import check_rule
from esru.sources.lane_maps import canonical_map
from esru.sources.settings import (
    KEYS_OF,
    OPERANDS,
    check_source,
    default_taps,
    register_period,
)
from esru.sources.settings import MAX_LANES as MAX_LANES
from esru.sources.settings import SOURCES as SOURCES


@dataclass(frozen=True)
class Design:
    """One stochastic rounding unit.

    Parameters
    ----------
    n : int
        Rounding bits: how many of the dropped bits the unit looks at, 1 <= n <= 32.
    k : int
        Random bits per rounding, 0 <= k <= n; 0 exactly if the source is `none`.
    rule : str
        One of `RULES`, or a table (`esru.decision_table`).
    source : str
        One of `SOURCES`, without its length.
    length : int
        Register length L of the source, k <= L <= 32 (`select` on a source that is never zero:
        k < L; `counter`: k = L); 0 for a source without a length.
    form : str
        ``fibonacci`` or ``galois``.
    taps : int
        The primitive polynomial, x^L and the constant term included (`cellular`: the rule
        vector); 0 takes the default one.
    seed : int
        State from which the first word comes; 1 <= seed < 2^L (`debruijn`, `counter`: 0 too).
    leap : int
        Register steps per word, 1 <= leap < the register's period; coprime with it if L > 24.
    lanes : int
        Lanes that share one source, 1 <= lanes <= 1024.
    map : str
        How a lane sees its source's word, one of `esru.sources.lane_maps.MAPS`.
    in_format, out_format : FixedFormat or FloatFormat
        Formats of the unit's words, of one kind. `None` for the input takes n fraction bits more
        than the output has, so that every dropped bit is a rounding bit (the operand sources:
        n + k); floats: float32.
    overflow : str
        ``saturate`` or ``wrap``; floats: ``saturate`` or ``nonsaturate``.
    boundary : str
        What the hardware includes, one of `BOUNDARIES`.
    recover : int
        1: a register that is found in its lockup state, zero, goes on from state 1. Only for
        sources that have one; their words stay the same.
    block : int
        Lanes that share a block's scale, an input of its own (port ``scale``); 0: there is no
        scale, or each lane's is above the sign of its word.
    load : int
        1: the hardware has ports through which every source is given a new seed while it runs.
        Only for sources with a register; their words stay the same until one is loaded.

    Raises
    ------
    InputError
        If any field is out of range or the fields contradict each other.
    """

    n: int
    k: int
    rule: str
    source: str
    length: int = 0
    form: str = "fibonacci"
    taps: int = 0
    seed: int = 1
    leap: int = 1
    lanes: int = 1
    map: str = "same"
    in_format: Format | None = None
    out_format: Format = INT8
    overflow: str = "saturate"
    boundary: str = "decision"
    recover: int = 0
    block: int = 0
    load: int = 0

    def __post_init__(self) -> None:
        check_rule(self)
        if not self.taps and self.source in KEYS_OF and self.length in range(2, 33):
            object.__setattr__(self, "taps", default_taps(self.source, self.length))
        check_source(self)
        source, out = self.in_format, self.out_format
        operand = (self.source, self.k if self.source in OPERANDS else 0)
        if isinstance(out, FloatFormat):
            source = float_pair(source, out, self.overflow, self.n, operand)[0]
        else:
            source = fixed_pair(source, out, self.overflow, self.n, operand)[0]
        check_block(self.block, source)
        object.__setattr__(self, "in_format", source)
        check_boundary(self)

    @property
    def source_name(self) -> str:
        """The source with its length, such as ``lfsr13``."""
        return f"{self.source}{self.length or ''}"

    @property
    def input(self) -> Format:
        """The input format, always set after construction."""
        assert self.in_format is not None
        return self.in_format

    @property
    def takes_default(self) -> bool:
        """Whether the input format is the one that a design has if none is given."""
        return replace(self, in_format=None, block=0).input == self.input

    @property
    def fixed(self) -> tuple[FixedFormat, FixedFormat]:
        """Input and output format of a fixed-point unit; InputError if it is a float unit."""
        source, out = self.input, self.out_format
        if isinstance(source, FixedFormat) and isinstance(out, FixedFormat):
            return source, out
        raise InputError.must("Formats of the design", "fixed-point here", f"{source} to {out}")

    @property
    def floats(self) -> tuple[FloatFormat, FloatFormat] | None:
        """Input and output format of a float unit; None: it is a fixed-point unit."""
        source, out = self.input, self.out_format
        if isinstance(source, FloatFormat) and isinstance(out, FloatFormat):
            return source, out
        return None

    @property
    def dropped(self) -> int:
        """D: the dropped bits, below the output's unit in the last place; floats: if normal."""
        return self.input.fraction - self.out_format.fraction

    @property
    def fraction_bits(self) -> int:
        """Bits of a lane's port ``frac``: n, or all D if the source takes its word from them."""
        return self.dropped if self.source in OPERANDS else self.n

    @property
    def x_bits(self) -> int:
        """Bits of a lane's port ``x``: the input word, without a scale that has its own port."""
        return self.input.width - (SCALE_BITS if self.block else 0)

    @property
    def latency(self) -> int:
        """Clock cycles from an input to its output: 0, combinational, or 1, registered."""
        return int(self.boundary not in COMBINATIONAL)

    def side_inputs(self, lanes: int) -> dict[str, int]:
        """Return the inputs that an array of some lanes has beside its data, with their bits.

        ``r``: the words of the source `port`, source 0 lowest. ``scale``: the scales of its
        blocks, block 0 lowest, but for the boundary ``decision``; of an array smaller than a block
        it is one.
        At an accumulator's boundary what `esru.boundaries.more_inputs` says.

        Raises
        ------
        InputError
            If the lanes are neither whole blocks nor a share of one.
        """
        found = more_inputs(self, lanes)
        if self.source == "port":
            found["r"] = lanes // self.lanes * self.k
        if self.block and self.boundary != "decision":
            if lanes % self.block and self.block % lanes:
                rule = f"a multiple of the lanes of a block ({self.block}) or a divisor of it"
                raise InputError.must("Lanes of the array", rule, lanes)
            found["scale"] = SCALE_BITS * max(lanes // self.block, 1)
        return found

    def canonical(self) -> Design:
        """Return the representative of all designs that make the same decisions.

        `zero` cannot see below its k random bits, so n = k; `half` sees one bit more, so
        n = k+1; `nearest` and `replicate` with n = k are `zero`. A lane map that changes nothing
        is `same`, and lanes that see their own operands only share no source. An input format
        that is the default one stays the default one, but for the operand sources. Recovery
        from a state that never comes changes no decision, nor does a port for seeds or scales. A
        table that decides as a named rule is that rule, and sees no fraction bit that it ignores
        below the k highest; how it numbers its codes is kept, because the hardware follows it.
        """
        rule, n = self.rule, self.n
        if is_table(rule):
            table = decision_table(rule, n, self.k).narrowed()
            n, rule = table.n, named_rule(table.rule, table.n, self.k) or table.rule
        if rule in ("nearest", "replicate") and n == max(self.k, 1):
            rule = "zero"
        if rule == "zero":
            n = max(self.k, 1)
        elif rule == "half":
            n = self.k + 1
        # The word of an operand source lies below the bits that the default one would drop.
        kept = self.source in OPERANDS or not self.takes_default
        return replace(
            self,
            n=n,
            rule=rule,
            lanes=1 if self.source in ("operand-own", "operand-prev") else self.lanes,
            map=canonical_map(self.map, self.k, self.lanes),
            in_format=self.in_format if kept else None,
            recover=0,
            block=0,
            load=0,
        )

    def to_json(self) -> dict[str, int | str]:
        """Return every field by its key in the text form, defaults included."""
        fields: dict[str, int | str] = {
            "n": self.n,
            "k": self.k,
            "rule": self.rule,
            "source": self.source_name,
            "in": str(self.input),
            "out": str(self.out_format),
            "overflow": self.overflow,
            "boundary": self.boundary,
        }
        source: dict[str, int | str] = {
            "form": self.form,
            "taps": hex(self.taps),
            "seed": self.seed,
            "leap": self.leap,
            "lanes": self.lanes,
            "map": self.map,
        }
        # Left out where they are not: ids are older than these keys.
        source |= {key: 1 for key in ("recover", "load") if getattr(self, key)}
        if self.block:
            fields["block"] = self.block
        return fields | {key: source[key] for key in source if key in KEYS_OF[self.source]}

    @classmethod
    def from_json(cls, fields: dict[str, int | str]) -> Design:
        """Return the design that `to_json` wrote (keys may be missing: defaults)."""
        head = ":".join(str(fields[key]) for key in ("n", "k", "rule", "source"))
        tail = "".join(f",{key}={fields[key]}" for key in TEXT_KEYS if key in fields)
        return parse(head + tail)

    @property
    def id(self) -> str:
        """First 10 hex digits of SHA-256 of the JSON form; names the Verilog module."""
        return _digest(self.to_json())

    @property
    def behaviour(self) -> str:
        """As `id`, of the canonical design, whatever a table's codes are, without the boundary."""
        design = self.canonical()
        fields = design.to_json()
        if is_table(design.rule):
            fields["rule"] = decision_table(design.rule, design.n, design.k).merged().rule
        del fields["boundary"]
        return _digest(fields)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed but probably not wanted, one sentence each."""
        if not self.length:
            return ()
        period = register_period(self.source, self.length)
        shared = gcd(self.leap, period)
        if shared == 1:
            return ()
        return (
            f"leap {self.leap} shares the factor {shared} with the register's period {period}: "
            f"only one word in {shared} is used",
        )

    def __str__(self) -> str:
        return write_text(self)


def _digest(fields: dict[str, int | str]) -> str:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def parse(text: str) -> Design:
    """Return the design that `text` describes.

    Parameters
    ----------
    text : str
        ``n:k:rule:source[,key=value...]`` or one of `ALIASES`; keys may follow an alias.

    Raises
    ------
    InputError
        If the text is malformed or the design is impossible.
    """
    return Design(**read_fields(text))
