"""Find the cheapest unit that trains as well as the 24-bit reference."""

from __future__ import annotations

import argparse
import shlex
from contextlib import AbstractContextManager
from pathlib import Path

from esru.boundaries import BOUNDARIES
from esru.cli.terminal import Progress, add_json, emit_json, note, progress
from esru.design_text import copied_design
from esru.search.space import MAX_BITS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--bits", type=int, required=True, metavar="B",
        help="candidates look at up to B fraction bits and use up to B random bits",
    )  # fmt: skip
    parser.add_argument(
        "--target",
        default="ice40",
        help="target whose cells count (default ice40; esru list targets)",
    )
    parser.add_argument(
        "--boundary", default="decision",
        help=f"what the hardware includes: {', '.join(BOUNDARIES)} (default decision)",
    )  # fmt: skip
    parser.add_argument(
        "--lanes", type=int, default=64, metavar="M", help="lanes of the array (default 64)"
    )
    parser.add_argument(
        "--objective", default="cells",
        help="what is minimised per lane: cells (default), lut, ff or area (standard cells)",
    )  # fmt: skip
    parser.add_argument(
        "--tasks", metavar="T[,T...]",
        help="training tasks of the race (default digits-mlp, with --evaluator none; "
        "esru list tasks)",
    )  # fmt: skip
    parser.add_argument(
        "--evaluator", metavar="F",
        help="your own judge: package.module:function of (design, seed, schedule), "
        "higher is better",
    )  # fmt: skip
    parser.add_argument(
        "--margin", type=float, metavar="M",
        help="what may be lost in any cell (default the tasks' own: 1.0 points of accuracy, "
        "0.1 nats for chars-transformer, 0.05 with FP4)",
    )  # fmt: skip
    parser.add_argument(
        "--alpha", type=float, default=0.05, metavar="P",
        help="probability of accepting any unit that loses more (default 0.05)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="first training seed (default 0)")
    parser.add_argument(
        "--fmax", action="store_true",
        help="also the clock frequency of the designs on the front, placed five times each",
    )  # fmt: skip
    parser.add_argument(
        "--activity", action="store_true",
        help="also the switching activity of the designs on the front, a proxy for energy",
    )  # fmt: skip
    parser.add_argument(
        "--no-controls", dest="controls", action="store_false",
        help="leave out float32 and round to nearest, which are trained at the end beside the "
        "winner: may the tasks judge?",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="DIR",
        help="run folder (default $ESRU_RUNS/bits<B>-<question>, ./runs if not set)",
    )  # fmt: skip
    add_json(parser)


#: Options that the same question with another number of bits needs too: all but those that
#: say where the answer goes.
_ASKED = (
    *("target", "boundary", "lanes", "objective", "tasks", "evaluator", "margin", "alpha", "seed"),
    *("fmax", "activity"),
)


def _with_one_more_bit(args: argparse.Namespace) -> str:
    """Return the command that asks the same with one bit more; a default is not repeated."""
    unsaid = argparse.ArgumentParser()
    add_arguments(unsaid)
    words = ["esru", "search", "--bits", str(args.bits + 1)]
    for name in _ASKED:
        value = getattr(args, name)
        if value is True:
            words.append(f"--{name}")
        elif value != unsaid.get_default(name):
            words += [f"--{name}", str(value)]
    if not args.controls:
        words.append("--no-controls")
    return shlex.join(words)


class _Terminal:
    """The search's observer on a terminal."""

    def stage(self, label: str) -> AbstractContextManager[Progress]:
        """Show a stage's progress."""
        return progress(label)

    def note(self, text: str) -> None:
        """Say one line."""
        note(text)


def run(args: argparse.Namespace) -> int:
    """Search, print the answer, and return 0 if there is one that is proved, else 1."""
    from esru.report.text import search_text
    from esru.search.folder import default_folder
    from esru.search.question import Question
    from esru.search.run import run_search
    from esru.train.tasks import own_margin

    tasks = args.tasks
    if tasks is None:
        tasks = "digits-mlp" if args.evaluator is None else ""
    names = tuple(tasks.split(",")) if tasks else ()
    question = Question(
        bits=args.bits,
        target=args.target,
        boundary=args.boundary,
        lanes=args.lanes,
        objective=args.objective,
        tasks=names,
        margin=own_margin(names) if args.margin is None else args.margin,
        alpha=args.alpha,
        seed=args.seed,
        evaluator=args.evaluator,
        fmax=args.fmax,
        activity=args.activity,
        controls=args.controls,
    )
    folder = default_folder(question) if args.out is None else args.out
    answer = run_search(question, folder, _Terminal())
    if args.json:
        content = {"run": str(folder), **answer.result, "files": answer.files}
        emit_json("search", answer.versions, content)
    else:
        print(search_text(answer.result))
    if answer.reprinted:
        note("the same question, code and tools as before: this is the earlier answer")
    if not answer.proved:
        note(f"the winner's hardware did not pass its checks: see {folder}/winner/proof.json")
    winner = answer.result["winner"]
    written = ["report.html", "front.svg"] + ["winner/"] * (winner is not None)
    note(f"wrote {folder} ({', '.join(written)})")
    if winner is None:
        wider = f"a --margin wider than {question.margin:g}"
        more = args.bits < MAX_BITS
        note(f"next: {_with_one_more_bit(args)}, or {wider}" if more else f"next: {wider}")
        return 1
    told = copied_design(winner["design"])
    note(f"next: esru gen {told} -o DIR, or esru show {told}")
    return 0 if answer.proved else 1
