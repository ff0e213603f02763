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
    the starts of consecutive ones. Bubble ratio: 1 - computing time of an iteration / (devices * period).
    """
    zero = min((r.start_ms for t in traces for r in t.records), default=0.0)
    starts: dict[int, float] = {}
    ends: dict[int, float] = {}
    busy: dict[int, float] = defaultdict(float)
    for record in (r for t in traces for r in t.records if r.standing >= 0):
        starts[record.standing] = min(starts.get(record.standing, record.start_ms), record.start_ms)
        ends[record.standing] = max(ends.get(record.standing, record.end_ms), record.end_ms)
        if record.operation.op in COMPUTE:
            busy[record.standing] += record.end_ms - record.start_ms
    settled = settled_iterations(sorted(starts))
    period = median(starts[i + 1] - starts[i] if i + 1 in starts else ends[i] - starts[i] for i in settled)
    computing = sum(busy[i] for i in settled) / len(settled)
    return {
        "format": "diffusionpipe.timeline/1",
        "source": "measured",
        "periodMs": period,
        "makespanMs": median(ends[i] - starts[i] for i in settled),
        "bubbleRatio": 1 - computing / (len(traces) * period),
        "throughputPerSecond": global_batch / period * 1e3,
        "clockSkewMs": max(t.skew_ms for t in traces),
        "criticalPath": [],
        "devices": [{"name": t.device, "peakMemoryBytes": t.peak_memory_bytes} for t in traces],
        "operations": _operations(traces, zero),
    }


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
