"""What happens to the gradients of a stage at the end of an iteration."""

from __future__ import annotations

from collections.abc import Collection

import torch
import torch.distributed as dist
from torch import Tensor, nn

_EMA_DECAY = 0.9999


class StageOptimizer:
    """AdamW over the named parameters of a stage, with data-parallel reduction, clipping and an average.

    AdamW has PyTorch's defaults except the learning rate (betas 0.9 and 0.999, weight decay 0.01, epsilon 1e-8).
    """

    def __init__(self, parameters: dict[str, nn.Parameter], learning_rate: float, *, ema: bool) -> None:
        self.parameters = parameters
        self.adamw = torch.optim.AdamW(parameters.values(), lr=learning_rate)
        self.average = {name: p.detach().clone() for name, p in parameters.items()} if ema else None
        self.clip: Tensor | None = None
        """What the gradients are multiplied with before the next step."""

    def gradients(self) -> list[Tensor]:
        """Gradients in parameter order; zeros where backward did not reach."""
        for parameter in self.parameters.values():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        return [p.grad for p in self.parameters.values() if p.grad is not None]

    def reduce(self, group: dist.ProcessGroup) -> None:
        """Sum the gradients over the replicas of the stage; the loss is already divided by their number."""
        gradients = self.gradients()
        flat = torch.cat([g.reshape(-1) for g in gradients])
        dist.all_reduce(flat, group=group)
        torch._foreach_copy_(
            gradients, [part.view_as(g) for part, g in zip(flat.split([g.numel() for g in gradients]), gradients, strict=True)]
        )

    def step(self) -> None:
        """Clip, step, forget the gradients."""
        if self.clip is not None:
            torch._foreach_mul_(self.gradients(), self.clip)
            self.clip = None
        self.adamw.step()
        self.adamw.zero_grad(set_to_none=True)

    def update_average(self, step: int) -> None:
        """Exponential moving average of the parameters, warming up as (1 + step) / (10 + step)."""
        if self.average is None:
            return
        decay = min(_EMA_DECAY, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.average.values()), [p.detach() for p in self.parameters.values()], 1 - decay)

    def result(self) -> dict[str, Tensor]:
        """What is written out: the average if there is one, else the parameters."""
        return self.average or {name: p.detach() for name, p in self.parameters.items()}


def clip_to_norm(optimizers: Collection[StageOptimizer], replicas: int, max_norm: float | None) -> None:
    """Compute the norm of all gradients of all stages and how much to scale down those of `optimizers`, this rank's.

    A barrier over all ranks.
    """
    squares = torch.stack(torch._foreach_norm([g for o in optimizers for g in o.gradients()])).square().sum()
    dist.all_reduce(squares)
    if max_norm is not None:
        norm = torch.sqrt(squares / replicas)
        for optimizer in optimizers:
            optimizer.clip = torch.clamp(max_norm / (norm + 1e-6), max=1.0)
