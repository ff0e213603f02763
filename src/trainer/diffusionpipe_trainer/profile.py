"""Measures every layer's forward and gradients in PyTorch on this device, into the profile format."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import AdamW

from .atomic import write_json
from .errors import UserError
from .layers.layer import NOISY_LATENTS, PIXELS, TIMESTEPS, TOKEN_IDS, Component, Layer, run_layers
from .memory import keep_freed_memory
from .model_folder import ModelFolder

FORMAT = "diffusionpipe.profile/1"
# Rounds of layers at one batch: at least and at most so many, and no more than fit into the time for each layer.
_ROUNDS = (5, 40)
_SECONDS = 0.15


def profile(model: Path, skeleton: Path, batches: list[int], threads: int, out: Path, busy_cores: int = 0) -> None:
    """Fill the times of `skeleton` (a profile whose layers, flags and bytes are known) and write it to `out`.

    Per layer and batch, medians in ms: F as the trainer runs it (without gradients where the layer is a leaf), I alone,
    and W = B - I with B the whole backward pass, so that I + W is what a backward pass takes. `spreadMs` is the
    distance between the quartiles of F; `optimizerMs` is AdamW's step of a layer that learns. Layers with one signature
    are measured once. `busy_cores` other processes compute meanwhile, as the other ranks of a CPU run would. Progress
    goes to standard output, a line "N/M what" for each component and batch.
    """
    document = _read(skeleton)
    torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        keep_freed_memory()
    folder = ModelFolder(model)
    components = {c["name"]: folder.component(c["name"]) for c in document["components"]}
    inputs = {batch: _tensors(components, document, batch) for batch in batches}
    found = _distinct(document, components, skeleton)
    bf16 = document.get("device", {}).get("precision", "fp32") == "bf16"
    total = len(components) * len(batches)
    with _busy(busy_cores, threads), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        for c, component in enumerate(components.values()):
            work = [one for one in found if one.component is component]
            for b, (batch, tensors) in enumerate(inputs.items()):
                print(f"{c * len(batches) + b}/{total} {component.name}, batch {batch}", flush=True)
                _measure([one for one in work if not one.is_too_large], batch, tensors, device)
            _measure_steps(work, device)
    print(f"{total}/{total} done", flush=True)
    for one in found:
        for entry in one.entries:
            entry.update(one.measured)
    document["runtimeVersion"] = f"torch {torch.__version__}"
    document["device"] = {**document.get("device", {}), **_device(device, threads, busy_cores)}
    write_json(out, document)


@dataclass
class _Distinct:
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


def _distinct(document: dict[str, Any], components: dict[str, Component], skeleton: Path) -> list[_Distinct]:
    """Layers that do different work, in order."""
    found: dict[str, _Distinct] = {}
    for entry in document["components"]:
        component = components[entry["name"]]
        layers = {layer.name: layer for layer in component.layers}
        for position, wanted in enumerate(entry["layers"]):
            layer = layers.get(wanted["name"])
            if layer is None:
                place = f"components.{component.name}.layers[{position}].name"
                raise UserError(f"The model has no layer {wanted['name']!r}.", skeleton, place)
            flags = (bool(wanted["needsInputGrad"]), bool(wanted["needsWeightGrad"]))
            key = f"{component.name} {wanted.get('signature') or layer.name} {flags}"
            found.setdefault(key, _Distinct(component, layer, *flags)).entries.append(wanted)
    return list(found.values())


def _measure(layers: Sequence[_Distinct], batch: int, tensors: dict[str, Tensor], device: torch.device) -> None:
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
            _measure(layers[:middle], batch, tensors, device)
            _measure(layers[middle:], batch, tensors, device)
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

    def __init__(self, one: _Distinct, tensors: dict[str, Tensor], device: torch.device) -> None:
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

    def times(self) -> dict[str, Any]:
        total = median(self.whole_ms) if self.whole_ms else 0.0
        own = min(median(self.alone_ms), total) if self.alone_ms else total if self.one.needs_input_grad else 0.0
        return {**_forward(self.forward_ms), "inputGradMs": own, "weightGradMs": total - own, "source": "measured"}


def _rounds(layers: Sequence[_Distinct], tensors: dict[str, Tensor], device: torch.device) -> list[dict[str, Any]]:
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
    return [one.times() for one in passes]


def _measure_steps(layers: Sequence[_Distinct], device: torch.device) -> None:
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
                parameter.grad = torch.zeros_like(parameter)
            optimizers.append(AdamW(one.parameters()))

        def step() -> None:
            for optimizer, kept in zip(optimizers, steps, strict=True):
                kept.append(_timed(optimizer.step, device)[0])

        _repeat(step, steps, len(learning))
        for one, kept in zip(learning, steps, strict=True):
            one.measured["optimizerMs"] = median(kept)
    except torch.OutOfMemoryError:
        middle = len(learning) // 2
        _measure_steps(learning[:middle], device)
        if middle:
            _measure_steps(learning[middle:], device)
    finally:
        _drop(learning)


def _drop(layers: Sequence[_Distinct]) -> None:
    for one in layers:
        for path in one.layer.modules:
            one.component.module.get_submodule(path).to("meta")


def _forward(durations: Sequence[float]) -> dict[str, float]:
    low, _, high = quantiles(durations, n=4)
    return {"forwardMs": median(durations), "spreadMs": high - low}


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


def _tensors(components: dict[str, Component], document: dict[str, Any], batch: int) -> dict[str, Tensor]:
    """Every tensor of the model for a batch, on the meta device."""
    bindings = document["bindings"]
    meta = torch.device("meta")
    tensors: dict[str, Tensor] = {
        PIXELS: torch.empty(batch, 3, bindings["height"], bindings["width"], device=meta),
        TOKEN_IDS: torch.empty(batch, bindings["sequenceLength"], dtype=torch.int64, device=meta),
        TIMESTEPS: torch.empty(batch, dtype=torch.int64, device=meta),
    }
    with torch.no_grad():
        for name in sorted(components, key=lambda n: n == "unet"):
            run_layers(name, components[name].layers, tensors)
            if name == "vae":
                moments = tensors[components[name].output_id(len(components[name].layers) - 1)]
                tensors[NOISY_LATENTS] = moments.chunk(2, dim=1)[0]
    return tensors


def _device(device: torch.device, threads: int, busy_cores: int) -> dict[str, Any]:
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return {"name": properties.name, "provider": "pytorch-cuda", "memoryBytes": properties.total_memory}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"name": "cpu", "provider": "pytorch-cpu", "memoryBytes": memory, "threads": threads,
            **({"busyCores": busy_cores} if busy_cores else {})}


@contextmanager
def _busy(count: int, threads: int) -> Iterator[None]:
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
    """Until the process that started it ends, however it does."""
    os.sched_setaffinity(0, {core})
    torch.set_num_threads(threads)
    convolution = torch.nn.Conv2d(64, 64, 3, padding=1)
    images = torch.randn(4, 64, 32, 32)
    while os.getppid() == parent:
        convolution(images).sum().backward()


def _read(skeleton: Path) -> dict[str, Any]:
    try:
        document = json.loads(skeleton.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"Cannot be read: {error.strerror}.", skeleton) from error
    except ValueError as error:
        raise UserError(f"Not JSON: {error}.", skeleton) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UserError(f"The format must be {FORMAT!r}.", skeleton, "format")
    return document
