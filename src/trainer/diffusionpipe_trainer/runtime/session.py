"""This process among the ranks: device, core, process groups."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist

from ..memory import keep_freed_memory


@dataclass(frozen=True)
class Session:
    """One rank, on one device."""

    rank: int
    world_size: int
    device: torch.device


def start_session(threads: int) -> Session:
    """Join the other ranks that `torchrun` started. NCCL moves what is on GPUs, gloo what is on CPUs."""
    torch.set_num_threads(threads)
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
        dist.init_process_group("cpu:gloo,cuda:nccl", device_id=device)
    else:
        device = torch.device("cpu")
        keep_freed_memory()
        dist.init_process_group("gloo")
    return Session(dist.get_rank(), dist.get_world_size(), device)


def end_session() -> None:
    """Leave in good order, when all ranks are done."""
    dist.barrier()
    dist.destroy_process_group()
