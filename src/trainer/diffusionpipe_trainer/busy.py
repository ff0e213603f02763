"""Other cores kept busy, as the other ranks of a run on CPUs would."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def busy(count: int, threads: int) -> Iterator[None]:
    """`count` processes that compute until the body is done, each on a core of its own where there are enough."""
    cores = sorted(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    others = [
        context.Process(target=_compute, args=(cores[(i + 1) % len(cores)], threads, os.getpid()), daemon=True)
        for i in range(count)
    ]
    if count:
        os.sched_setaffinity(0, {cores[0]})
    for other in others:
        other.start()
    try:
        yield
    finally:
        for other in others:
            # Not SIGTERM, which is blocked here and so in them.
            other.kill()
            other.join()


def _compute(core: int, threads: int, parent: int) -> None:
    """Until the process that started it ends, however it does. Too much for its caches, as a stage is: memory is shared too."""
    os.sched_setaffinity(0, {core})
    torch.set_num_threads(threads)
    convolution = torch.nn.Conv2d(64, 64, 3, padding=1)
    images = torch.randn(16, 64, 64, 64)
    while os.getppid() == parent:
        convolution(torch.nn.functional.silu(images)).sum().backward()
