"""Other cores kept busy, as the other ranks of a run on CPUs would."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Semaphore

import torch


@contextmanager
def busy(count: int, threads: int) -> Iterator[None]:
    """`count` processes that compute until the body is done, each on a core of its own where there are enough.

    The body starts when all of them compute: while they import torch they would be no neighbours but rivals.
    """
    cores = sorted(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    computing = context.Semaphore(0)
    others = [
        context.Process(target=_compute, args=(cores[(i + 1) % len(cores)], threads, os.getpid(), computing), daemon=True)
        for i in range(count)
    ]
    for other in others:
        other.start()
    try:
        for other in others:
            while not computing.acquire(timeout=1):
                if other.exitcode is not None:
                    raise RuntimeError(f"A process that keeps a core busy ended with {other.exitcode}.")
        if count:
            os.sched_setaffinity(0, {cores[0]})
        yield
    finally:
        for other in others:
            # Not SIGTERM, which is blocked here and so in them.
            other.kill()
            other.join()


def _compute(core: int, threads: int, parent: int, computing: Semaphore) -> None:
    """Until the process that started it ends, however it does. Too much for its caches, as a stage is: memory is shared too."""
    os.sched_setaffinity(0, {core})
    torch.set_num_threads(threads)
    convolution = torch.nn.Conv2d(64, 64, 3, padding=1)
    images = torch.randn(16, 64, 64, 64)
    computing.release()
    while os.getppid() == parent:
        convolution(torch.nn.functional.silu(images)).sum().backward()
