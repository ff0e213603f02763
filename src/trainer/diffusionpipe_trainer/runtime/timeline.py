"""Puts the records of all ranks together as a measured timeline document."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import Any

from .recorder import Record

COMPUTE = frozenset({"F", "I", "W", "B", "R", "FILL", "SELF_COND", "OPTIM", "EMA", "OVERLAP_F_B"})
_WARM_UP = 2


@dataclass(frozen=True)
class RankTrace:
    """What one rank measured, on the common clock. `skew_ms`: how far its clock may be off."""

    device: str
    peak_memory_bytes: int
    skew_ms: float
    records: list[Record]


def assemble(traces: list[RankTrace], global_batch: int) -> dict[str, Any]:
    """A `diffusionpipe.timeline/1` document; times in ms from the first operation.

    Settled iterations are all but the first two and the last, which prepares no next one. Period: median time between
    the starts of consecutive ones. Bubble ratio: median over iterations of 1 - computing time / time that the devices
    spent on it, each from its own first operation to its own next one; so a slow moment on the machine, which fills an
    iteration's operations and its length alike, doesn't count as work that was never there.
    """
    zero = min((r.start_ms for t in traces for r in t.records), default=0.0)
    spans = [_spans(t.records) for t in traces]
    iterations = sorted({i for own in spans for i in own})
    starts = {i: min(own[i].start_ms for own in spans if i in own) for i in iterations}
    ends = {i: max(own[i].end_ms for own in spans if i in own) for i in iterations}
    settled = settled_iterations(iterations)
    period = median(starts[i + 1] - starts[i] if i + 1 in starts else ends[i] - starts[i] for i in settled)
    return {
        "format": "diffusionpipe.timeline/1",
        "source": "measured",
        "periodMs": period,
        "makespanMs": median(ends[i] - starts[i] for i in settled),
        "bubbleRatio": median(_bubble_ratio(spans, i) for i in settled),
        "throughputPerSecond": global_batch / period * 1e3,
        "clockSkewMs": max(t.skew_ms for t in traces),
        "criticalPath": [],
        "devices": [{"name": t.device, "peakMemoryBytes": t.peak_memory_bytes} for t in traces],
        "operations": _operations(traces, zero),
    }


@dataclass
class _Span:
    """One iteration on one device: from its first operation to the end of its last, and how long it computed."""

    start_ms: float
    end_ms: float
    computing_ms: float = 0.0


def _spans(records: list[Record]) -> dict[int, _Span]:
    spans: dict[int, _Span] = {}
    for record in (r for r in records if r.standing >= 0):
        span = spans.setdefault(record.standing, _Span(record.start_ms, record.end_ms))
        span.start_ms, span.end_ms = min(span.start_ms, record.start_ms), max(span.end_ms, record.end_ms)
        if record.operation.op in COMPUTE:
            span.computing_ms += record.end_ms - record.start_ms
    return spans


def _bubble_ratio(spans: list[dict[int, _Span]], iteration: int) -> float:
    present = [own for own in spans if iteration in own]
    lasted = sum(
        (own[iteration + 1].start_ms if iteration + 1 in own else own[iteration].end_ms) - own[iteration].start_ms
        for own in present
    )
    computing = sum(own[iteration].computing_ms for own in present)
    return max(0.0, 1 - computing / lasted) if lasted > 0 else 0.0  # below 0 by rounding only


def settled_iterations(iterations: list[int]) -> list[int]:
    """Iterations that figures are taken from: without warm-up and the last, where there are enough."""
    return iterations[_WARM_UP:-1] or iterations[-2:-1] or iterations


def _operations(traces: list[RankTrace], zero: float) -> list[dict[str, Any]]:
    operations: list[dict[str, Any]] = []
    sends: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    receives: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for device, trace in enumerate(traces):
        for position, record in enumerate(trace.records):
            index = len(operations)
            operation = record.operation
            operations.append(_entry(record, device, zero, [index - 1] if position else []))
            if operation.sends:
                sends[operation.channel, device, operation.peer, record.standing].append(index)
            elif operation.receives:
                receives[operation.channel, operation.peer, device, record.standing].append(index)
    for key, indices in receives.items():
        for send, receive in zip(sends[key], indices, strict=False):
            operations[receive]["deps"].append(send)
    return operations


def _entry(record: Record, device: int, zero: float, deps: list[int]) -> dict[str, Any]:
    operation = record.operation
    entry: dict[str, Any] = {
        "device": device,
        "stream": "compute" if operation.op in COMPUTE else "communication",
        "op": operation.op,
        "iteration": max(record.standing, 0) + operation.iteration,
    }
    optional = {
        "chain": operation.chain, "component": operation.component, "stage": operation.stage,
        "microbatch": operation.microbatch, "layers": operation.layers, "samples": operation.samples,
        "channel": operation.channel, "bytes": operation.bytes, "peer": operation.peer,
    }
    entry.update({key: value for key, value in optional.items() if value is not None})
    return entry | {
        "startMs": record.start_ms - zero, "endMs": record.end_ms - zero, "deps": deps, "source": "measured",
    }
