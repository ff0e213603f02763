"""Measures every operation: CUDA events on GPUs (read after the iteration), the monotonic clock on CPUs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from ..program import Operation


@dataclass(frozen=True)
class Record:
    """An operation that was run. `standing` is the iteration it stood in (-1: prologue), times are this rank's, in ms."""

    operation: Operation
    standing: int
    start_ms: float
    end_ms: float


class Recorder:
    """Keeps the records of the last `keep` iterations and of the first ones' prologue.

    A receive lasts from its place in the list until what it waits for has arrived: the time the rank stood still.
    A send lasts while it is handed over; the transfer itself goes on in the background.
    """

    def __init__(self, device: torch.device, keep: int = 200) -> None:
        self._cuda = device.type == "cuda"
        self.iterations: deque[list[Record]] = deque(maxlen=keep)
        self._pending: list[tuple[Operation, int, object, object]] = []
        if self._cuda:
            self._base = torch.cuda.Event(enable_timing=True)
            self._base.record()
            torch.cuda.synchronize()
        self._base_ms = time.perf_counter() * 1e3

    @contextmanager
    def operation(self, operation: Operation, standing: int) -> Iterator[None]:
        """Measure the body as `operation`."""
        start = self._now()
        yield
        self._pending.append((operation, standing, start, self._now()))

    def end_iteration(self) -> None:
        """Turn marks into times; on GPUs this waits for the device."""
        if self._cuda:
            torch.cuda.synchronize()
        self.iterations.append([Record(o, s, self._ms(a), self._ms(b)) for o, s, a, b in self._pending])
        self._pending = []

    def _now(self) -> object:
        if not self._cuda:
            return time.perf_counter() * 1e3
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def _ms(self, mark: object) -> float:
        return mark if isinstance(mark, float) else self._base_ms + self._base.elapsed_time(mark)
