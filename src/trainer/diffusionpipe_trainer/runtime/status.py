"""What a run tells the world while it runs: `status.json` and `metrics.jsonl`."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import torch
import torch.distributed as dist

from ..atomic import write_json

STATUS = "status.json"
METRICS = "metrics.jsonl"
_FINAL = ("completed", "failed", "cancelled")


class StatusFile:
    """`status.json`: {"state": "running" | "completed" | "failed" | "cancelled", "step", "steps", "pid", "message"?}.

    A final state is not replaced: when one rank fails, the others are cancelled, but the run has failed.
    """

    def __init__(self, run_dir: Path, steps: int) -> None:
        self._file = run_dir / STATUS
        self._steps = steps
        # A signal may end the run, from another thread, while a step is being reported.
        self._lock = threading.Lock()
        self._ended = False
        self.step = 0

    def start(self, step: int) -> None:
        """Say that the run is on, whatever an earlier run in this folder said."""
        self.step = step
        self._write("running", None)

    def running(self, step: int) -> None:
        """`step` iterations are done."""
        self.step = step
        self._write("running", None)

    def end(self, state: str, message: str | None = None) -> None:
        """Say how it ended, unless that has been said."""
        try:
            if json.loads(self._file.read_text(encoding="utf-8")).get("state") in _FINAL:
                return
        except (OSError, ValueError):
            pass
        self._write(state, message)

    def _write(self, state: str, message: str | None) -> None:
        document: dict[str, object] = {"state": state, "step": self.step, "steps": self._steps, "pid": os.getpid()}
        if message is not None:
            document["message"] = message
        with self._lock:
            if not self._ended:
                self._ended = state in _FINAL
                write_json(self._file, document)


class Metrics:
    """Rank 0's `metrics.jsonl`: {"step", "loss", "iterationMs", "samplesPerSecond"} a line, one iteration late.

    Late, because the loss is known on the last stage: the sum over ranks travels while the next iteration runs.
    """

    def __init__(self, run_dir: Path, rank: int, global_batch: int, status: StatusFile, *, append: bool) -> None:
        self._file = (run_dir / METRICS).open("a" if append else "w", encoding="utf-8") if rank == 0 else None
        self._group = dist.new_group(backend="gloo", group_desc="metrics")
        self._global_batch = global_batch
        self._status = status
        self._pending: tuple[int, float, torch.Tensor, dist.Work | None] | None = None
        self.losses: list[float] = []
        self._started = 0.0

    def begin(self) -> None:
        """The first iteration starts now."""
        self._started = time.perf_counter()

    def end_iteration(self, step: int, loss: float) -> None:
        """Report this rank's part of the loss of an iteration that has just ended."""
        now = time.perf_counter()
        duration, self._started = now - self._started, now
        self.flush()
        value = torch.tensor([loss], dtype=torch.float64)
        self._pending = (step, duration, value, dist.all_reduce(value, group=self._group, async_op=True))

    def flush(self) -> None:
        """Write what is still travelling."""
        if self._pending is None:
            return
        step, duration, value, work = self._pending
        self._pending = None
        if work is not None:
            work.wait()
        self.losses.append(value.item())
        if self._file is not None:
            self._status.running(step + 1)
            entry = {
                "step": step, "loss": value.item(), "iterationMs": duration * 1e3,
                "samplesPerSecond": self._global_batch / duration,
            }
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()
