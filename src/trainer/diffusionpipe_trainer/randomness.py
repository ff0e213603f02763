"""Random numbers keyed by (seed, step, sample, purpose), so that no plan can change them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor


def generator(seed: int, step: int, sample: int, purpose: str) -> torch.Generator:
    """A CPU generator of its own for one purpose of one sample of one step."""
    digest = hashlib.blake2b(f"{seed}/{step}/{sample}/{purpose}".encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


def normal(seed: int, step: int, samples: Iterable[int], purpose: str, shape: tuple[int, ...]) -> Tensor:
    """Standard normal numbers, (samples, *shape), float32."""
    return torch.stack([torch.randn(shape, generator=generator(seed, step, s, purpose)) for s in samples])


def integers(seed: int, step: int, samples: Iterable[int], purpose: str, below: int) -> Tensor:
    """Integers in [0, below), (samples,), int64."""
    return torch.cat([torch.randint(below, (1,), generator=generator(seed, step, s, purpose)) for s in samples])


def permutation(seed: int, epoch: int, length: int) -> list[int]:
    """The order of the data in an epoch."""
    return torch.randperm(length, generator=generator(seed, epoch, 0, "order")).tolist()
