"""Point-to-point messages: one process group per (channel, source, destination), so that no message waits for another kind."""

from __future__ import annotations

from collections import deque

import torch.distributed as dist
from torch import Tensor

from ..program import Operation, Program

_Key = tuple[str, int, int]


class Channels:
    """Sends that don't wait and receives that are posted early. Handles and tensors are kept until they are done."""

    def __init__(self, program: Program, rank: int) -> None:
        self._rank = rank
        self._groups: dict[_Key, dist.ProcessGroup] = {}
        # By all ranks, members or not, in one order: names of groups made by members only depend on how many groups
        # a rank has, and would not agree.
        for key in sorted({key for p in program.ranks for o in (*p.prologue, *p.operations) if (key := _key(o, p.rank))}):
            self._groups[key] = dist.new_group(list(key[1:]), group_desc=f"{key[0]} {key[1]} to {key[2]}")
        self._sending: deque[tuple[int, dist.Work, Tensor]] = deque()
        self._posted: dict[int, list[dist.Work]] = {}

    def send(self, operation: Operation, tensors: list[Tensor], iteration: int) -> None:
        """Start sending; `tensors` must not be written to before `release`."""
        group = self._groups[_require_key(operation, self._rank)]
        for tensor in tensors:
            work = dist.isend(tensor, operation.peer, group=group)
            if work is not None:
                self._sending.append((iteration, work, tensor))

    def post(self, handle: int, operation: Operation, buffers: list[Tensor]) -> None:
        """Start receiving into `buffers`. Per (channel, source) receives are posted in the order of the sends."""
        group = self._groups[_require_key(operation, self._rank)]
        works = [dist.irecv(buffer, operation.peer, group=group) for buffer in buffers]
        self._posted[handle] = [work for work in works if work is not None]

    def wait(self, handle: int) -> None:
        """Wait until what was posted under `handle` has arrived."""
        for work in self._posted.pop(handle):
            work.wait()

    def release(self, iteration: int) -> None:
        """Wait for sends of iterations up to `iteration` and let their tensors go."""
        while self._sending and self._sending[0][0] <= iteration:
            self._sending.popleft()[1].wait()


def _key(operation: Operation, rank: int) -> _Key | None:
    if operation.channel is None or operation.peer is None:
        return None
    if operation.sends:
        return operation.channel, rank, operation.peer
    return (operation.channel, operation.peer, rank) if operation.receives else None


def _require_key(operation: Operation, rank: int) -> _Key:
    key = _key(operation, rank)
    if key is None:
        raise ValueError(f"{operation.op} is not a message")
    return key
