"""Times of layers in PyTorch: forward, each gradient, the optimizer's step. Nothing here knows the profile format's document."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, hypot, sqrt
from statistics import mean, median
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import AdamW

from .layers.layer import Component, Layer

# Rounds of layers at one batch: at least and at most so many, and no more than fit into the time for each layer.
_ROUNDS = (5, 40)
_SECONDS = 0.15


@dataclass
class Distinct:
    """A layer that does its own kind of work, and all its entries in the document."""

    component: Component
    layer: Layer
    needs_input_grad: bool
    needs_weight_grad: bool
    entries: list[dict[str, Any]] = field(default_factory=list)
    measured: dict[str, Any] = field(default_factory=lambda: {"times": []})
    is_too_large: bool = False

    @property
    def is_leaf(self) -> bool:
        return not (self.needs_input_grad or self.needs_weight_grad)

    def parameters(self) -> list[Parameter]:
        return [parameter for _, parameter in self.component.parameters_of([self.layer])]


def measure(layers: Sequence[Distinct], batch: int, tensors: dict[str, Tensor], device: torch.device) -> None:
    """Add the times of layers at a batch.

    Layers are timed among others, as in a stage: all forward passes one after the other, then all backward passes. Alone
    in a loop, a layer finds its weights in the nearest cache and the memory it just freed, which in training it does not
    (a tenth of its time on the sample). Where there is no memory for so many at once, halves are measured on their own.
    """
    if not layers:
        return
    try:
        measured = _rounds(layers, tensors, device)
    except torch.OutOfMemoryError as error:
        if len(layers) > 1:
            middle = len(layers) // 2
            measure(layers[:middle], batch, tensors, device)
            measure(layers[middle:], batch, tensors, device)
            return
        layers[0].is_too_large = True
        measured = [{"forwardMs": 0, "inputGradMs": 0, "weightGradMs": 0, "source": "measured", "status": "oom",
                     "message": str(error)[:500]}]
    finally:
        _drop(layers)
    for one, times in zip(layers, measured, strict=True):
        one.measured["times"].append({"batch": batch, **times})


class _Passes:
    """A layer with inputs, and what its passes took in ms."""

    def __init__(self, one: Distinct, tensors: dict[str, Tensor], device: torch.device) -> None:
        _materialise(one.component, one.layer, one.needs_weight_grad, device)
        self.one = one
        self.device = device
        self.inputs = [_example(tensors[i], device) for i in one.layer.inputs]
        self._differentiable = [
            e.requires_grad_(one.needs_input_grad) for i, e in zip(one.layer.inputs, self.inputs, strict=True)
            if e.is_floating_point() and i.startswith(f"{one.component.name}/")
        ]
        self.forward_ms: list[float] = []
        self.whole_ms: list[float] = []
        self.alone_ms: list[float] = []
        self._output: Tensor | None = None

    def forward(self) -> None:
        with torch.set_grad_enabled(not self.one.is_leaf):
            duration, self._output = _timed(lambda: self.one.layer.run(*self.inputs), self.device)
        self.forward_ms.append(duration)

    def backward(self, *, whole: bool) -> None:
        """Both gradients, or that of the inputs alone."""
        output, self._output = self._output, None
        if self.one.is_leaf or output is None:
            return
        gradient = torch.ones_like(output)
        if whole:
            self.whole_ms.append(_timed(lambda: output.backward(gradient), self.device)[0])
            for example in self._differentiable:
                example.grad = None
        elif self.one.needs_input_grad and self.one.needs_weight_grad:
            inputs = self._differentiable
            self.alone_ms.append(_timed(lambda: torch.autograd.grad(output, inputs, gradient), self.device)[0])

    def times(self, forward_hold_up: float, backward_hold_up: float) -> dict[str, Any]:
        whole, alone = (median(kept) * backward_hold_up if kept else 0.0 for kept in (self.whole_ms, self.alone_ms))
        own = min(alone, whole) if self.alone_ms else whole if self.one.needs_input_grad else 0.0
        spread = hypot(half_width(self.forward_ms), half_width(self.whole_ms) if self.whole_ms else 0.0)
        return {"forwardMs": median(self.forward_ms) * forward_hold_up, "inputGradMs": own, "weightGradMs": whole - own,
                "spreadMs": spread, "source": "measured"}


def _rounds(layers: Sequence[Distinct], tensors: dict[str, Tensor], device: torch.device) -> list[dict[str, Any]]:
    passes = [_Passes(one, tensors, device) for one in layers]
    has_parts = any(one.needs_input_grad and one.needs_weight_grad for one in layers)

    # In turn, so that a drift of the machine's speed meets both alike.
    def step() -> None:
        for whole in (True, False) if has_parts else (True,):
            for one in passes:
                one.forward()
            for one in reversed(passes):
                one.backward(whole=whole)

    _repeat(step, [kept for one in passes for kept in (one.forward_ms, one.whole_ms, one.alone_ms)], len(layers))
    forward, backward = hold_up([one.forward_ms for one in passes]), hold_up([one.whole_ms for one in passes])
    return [one.times(forward, backward) for one in passes]


def measure_steps(layers: Sequence[Distinct], device: torch.device) -> None:
    """Add the optimizer's steps of layers that learn, one layer after the other as in an optimizer over all of them."""
    learning = [one for one in layers if one.needs_weight_grad and one.parameters()]
    if not learning:
        return
    try:
        steps: list[list[float]] = [[] for _ in learning]
        optimizers = []
        for one in learning:
            _materialise(one.component, one.layer, True, device)
            for parameter in one.parameters():
                # Steps of zeros take twice as long as real ones.
                parameter.grad = torch.randn_like(parameter)
            optimizers.append(AdamW(one.parameters()))

        def step() -> None:
            for optimizer, kept in zip(optimizers, steps, strict=True):
                kept.append(_timed(optimizer.step, device)[0])

        _repeat(step, steps, len(learning))
        held_up = hold_up(steps)
        for one, kept in zip(learning, steps, strict=True):
            one.measured["optimizerMs"] = median(kept) * held_up
    except torch.OutOfMemoryError:
        middle = len(learning) // 2
        measure_steps(learning[:middle], device)
        if middle:
            measure_steps(learning[middle:], device)
    finally:
        _drop(learning)


def _drop(layers: Sequence[Distinct]) -> None:
    for one in layers:
        for path in one.layer.modules:
            one.component.module.get_submodule(path).to("meta")


def hold_up(durations: Sequence[Sequence[float]]) -> float:
    """How many times as long as in the median layers take on average, all of them together; 1 where there are none.

    A stage's pass is the sum of its layers', and medians don't add up: what now and then holds the machine up is in no
    layer's median and in every sum. It meets all layers alike, so that a single one's mean says less than all of theirs.
    A duration counts as twice the median at most: one long stop among few rounds says little of the next hour.
    """
    kept = [(median(own), own) for own in durations if own]
    usual = sum(middle for middle, _ in kept)
    return sum(mean(min(one, 2 * middle) for one in own) for middle, own in kept) / usual if usual > 0 else 1.0


def half_width(durations: Sequence[float]) -> float:
    """Half the width of the 95 % confidence interval of the median: order statistics n/2 -+ 0.98 sqrt(n), or the whole range."""
    ordered = sorted(durations)
    reach = 0.98 * sqrt(len(ordered))
    low = max(0, floor(len(ordered) / 2 - reach))
    high = min(len(ordered) - 1, ceil(len(ordered) / 2 + reach) - 1)
    return (ordered[max(high, low)] - ordered[low]) / 2


def _timed(run: Callable[[], Any], device: torch.device) -> tuple[float, Any]:
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    result = run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) * 1e3, result


def _repeat(run: Callable[[], None], durations: Sequence[list[float]], layers: int) -> None:
    """Often enough for medians of `durations`, not longer than needed. The first, cold round is not kept."""
    run()
    for kept in durations:
        kept.clear()
    start = time.perf_counter()
    for count in range(_ROUNDS[1]):
        if count >= _ROUNDS[0] and time.perf_counter() - start > _SECONDS * layers:
            return
        run()


def _materialise(component: Component, layer: Layer, trains: bool, device: torch.device) -> None:
    """Random weights of sane scale: activations keep their size, so that no denormal numbers are timed."""
    torch.manual_seed(0)
    for path in layer.modules:
        component.module.get_submodule(path).to_empty(device=device)
    for name, parameter in component.parameters_of([layer]):
        with torch.no_grad():
            if parameter.ndim > 1:
                parameter.normal_(0, parameter[0].numel() ** -0.5)
            else:
                parameter.fill_(1.0 if name.endswith("weight") else 0.0)
        parameter.requires_grad_(trains)


def _example(like: Tensor, device: torch.device) -> Tensor:
    if like.is_floating_point():
        return torch.randn(like.shape, device=device)
    return torch.zeros(like.shape, dtype=like.dtype, device=device)
