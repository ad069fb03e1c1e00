"""What commands measure of single designs, kept in the cache that the searches use.

Each result is keyed by the design with its boundary, the target, the tools' identities and the
sources that it depends on, so that it is measured once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import nullcontext
from dataclasses import asdict, replace
from typing import Any

from esru.design import Design
from esru.flow import targets
from esru.flow.activity import CYCLES, SEED, STREAMS, measure_activity
from esru.flow.cost import fabric_of
from esru.flow.fmax import SEEDS, measure_fmax
from esru.flow.measure import Netlist, required_tools
from esru.flow.toolchain import warm
from esru.hdl.emit import emit_rtlil, module_name
from esru.search.cache import cache_folder
from esru.search.digest import COST, digest
from esru.search.evaluate import Evaluator, Progress, Request
from esru.search.store import Store, result_key
from esru.search.workers import local_workers, worker_count

Json = dict[str, Any]

#: Requests that are worth the start of worker processes.
_MANY = 8

_FMAX = (*COST, "flow/fmax.py", "flow/registered.py")
_ACTIVITY = (*COST, "flow/activity.py")


class _Here(Executor):
    """Runs what it is given at once, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def cached_costs(requests: Sequence[Request], progress: Progress) -> list[Json]:
    """Return the cost per lane of each request, as `LaneCost.to_json` has it.

    Raises
    ------
    InputError
        If a target is unknown.
    ToolMissing, ToolFailed
        If a tool is not there or fails.
    """
    tools = required_tools(dict.fromkeys(request.target for request in requests))
    identities = {tool.name: tool.identity for tool in tools}
    workers = worker_count() if len(requests) > _MANY else 1
    if workers > 1:
        for tool in tools:
            warm(tool)
    with (
        Store(cache_folder() / "results.sqlite") as store,
        local_workers(workers) if workers > 1 else nullcontext(_Here()) as pool,
    ):
        return Evaluator(store, pool, workers, 1, identities).costs(requests, progress)


def cached_fmax(request: Request, progress: Progress, seeds: Sequence[int] = SEEDS) -> Json:
    """Return the clock frequency of a design's group: ``median`` and ``seeds``, in MHz.

    Raises
    ------
    InputError
        If the target has none.
    ToolMissing, ToolFailed
        If a tool is not there or fails.
    """
    design = replace(request.design, boundary=request.boundary)
    fabric = fabric_of(request.target, request.structure)

    def find() -> Json:
        netlist = Netlist(module_name(design), emit_rtlil(design, fabric=fabric))
        found = measure_fmax(netlist, request.target, seeds, progress=progress)
        return {"median": found.median, "seeds": {str(s): v for s, v in found.by_seed.items()}}

    settings = {"seeds": list(seeds), "structure": request.structure}
    return _kept("fmax", design, request.target, digest(_FMAX), find, **settings)


def cached_activity(design: Design, boundary: str) -> Json:
    """Return the switching activity of a design: ``toggles`` and ``registers`` per lane.

    Raises
    ------
    ToolMissing, ToolFailed
        If a tool is not there or fails.
    """
    bounded = replace(design, boundary=boundary)

    def find() -> Json:
        netlist = Netlist(module_name(bounded), emit_rtlil(bounded))
        found = asdict(measure_activity(netlist))
        return found | {k: round(found[k] / design.lanes, 4) for k in ("toggles", "registers")}

    settings = {"cycles": CYCLES, "streams": STREAMS, "seed": SEED}
    return _kept("activity", bounded, "nand2", digest(_ACTIVITY), find, **settings)


def _kept(
    kind: str, design: Design, target: str, sources: str, find: Callable[[], Json], **parts: object
) -> Json:
    """Look a result up, or find it and keep it."""
    key = result_key(
        kind,
        design=design.id,
        target=target,
        origin=targets.origin(target),
        tools={tool.name: tool.identity for tool in required_tools([target])},
        digest=sources,
        **parts,
    )
    with Store(cache_folder() / "results.sqlite") as store:
        known = store.get([key])
        if key not in known:
            known = {key: find()}
            store.put(kind, known)
        return known[key]
