"""Aligns the clocks of ranks: offsets to rank 0's clock, estimated by ping-pong."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class ClockOffset:
    """At `at_ms` of this rank's clock, rank 0's clock showed `at_ms + offset_ms`, give or take `error_ms`."""

    at_ms: float
    offset_ms: float
    error_ms: float


def measure_offset(rank: int, world_size: int, rounds: int = 20) -> ClockOffset:
    """Estimate this rank's offset to rank 0; a collective call. The quickest of `rounds` exchanges counts.

    Error: half of its round trip, since the reply may have been read at any time within it.
    """
    own = ClockOffset(_now_ms(), 0.0, 0.0)
    message = torch.zeros(3, dtype=torch.float64)
    for peer in range(1, world_size):
        if rank == 0:
            best = (float("inf"), 0.0, 0.0)
            for _ in range(rounds):
                sent = _now_ms()
                dist.send(message, peer)
                dist.recv(message, peer)
                received = _now_ms()
                best = min(best, (received - sent, (sent + received) / 2 - message[0].item(), message[0].item()))
            dist.send(torch.tensor(best, dtype=torch.float64), peer)
        elif rank == peer:
            for _ in range(rounds):
                dist.recv(message, 0)
                message[0] = _now_ms()
                dist.send(message, 0)
            dist.recv(message, 0)
            round_trip, offset, at = message.tolist()
            own = ClockOffset(at, offset, round_trip / 2)
    return own


def to_common(ms: float, first: ClockOffset, last: ClockOffset) -> float:
    """A time of this rank's clock as rank 0's clock shows it, with the drift between two estimates taken as steady."""
    if last.at_ms <= first.at_ms:
        return ms + first.offset_ms
    share = (ms - first.at_ms) / (last.at_ms - first.at_ms)
    return ms + first.offset_ms + share * (last.offset_ms - first.offset_ms)


def _now_ms() -> float:
    return time.perf_counter() * 1e3
