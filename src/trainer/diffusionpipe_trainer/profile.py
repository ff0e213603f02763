"""Measures every layer's forward and gradients in PyTorch on this device, into the profile format."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import torch
from torch import Tensor

from .atomic import write_json
from .errors import UserError
from .layers.layer import NOISY_LATENTS, PIXELS, TIMESTEPS, TOKEN_IDS, Component, Layer, run_layers
from .model_folder import ModelFolder

FORMAT = "diffusionpipe.profile/1"
# Rounds of one layer at one batch: at least and at most so many, and no more than fit into the time.
_ROUNDS = (5, 40)
_SECONDS = 0.15


def profile(model: Path, skeleton: Path, batches: list[int], threads: int, out: Path, busy_cores: int = 0) -> None:
    """Fill the `times` of `skeleton` (a profile whose layers, flags and bytes are known) and write it to `out`.

    Per layer and batch, medians in ms: F as the trainer runs it (without gradients where the layer is a leaf), I alone,
    and W = B - I with B the whole backward pass, so that I + W is what a backward pass takes. `spreadMs` is the
    distance between the quartiles of F. Layers with one signature are measured once. `busy_cores` other processes
    compute meanwhile, as the other ranks of a CPU run would. Progress goes to standard output, a line "N/M what" for
    each distinct layer.
    """
    document = _read(skeleton)
    torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folder = ModelFolder(model)
    components = {c["name"]: folder.component(c["name"]) for c in document["components"]}
    inputs = {batch: _tensors(components, document, batch) for batch in batches}
    distinct = _distinct(document, components, skeleton)
    with _busy(busy_cores, threads):
        for done, (component, layer, flags, entries) in enumerate(distinct):
            print(f"{done}/{len(distinct)} {component.name} {layer.name}", flush=True)
            times = _measure_layer(component, layer, flags, inputs, document, device)
            for entry in entries:
                entry["times"] = times
    print(f"{len(distinct)}/{len(distinct)} done", flush=True)
    document["runtimeVersion"] = f"torch {torch.__version__}"
    document["device"] = {**document.get("device", {}), **_device(device, threads, busy_cores)}
    write_json(out, document)


_Distinct = tuple[Component, Layer, tuple[bool, bool], list[dict[str, Any]]]


def _distinct(document: dict[str, Any], components: dict[str, Component], skeleton: Path) -> list[_Distinct]:
    """Layers that do different work, each with its (needsInputGrad, needsWeightGrad) and all its entries in `document`."""
    found: dict[str, _Distinct] = {}
    for entry in document["components"]:
        component = components[entry["name"]]
        layers = {layer.name: layer for layer in component.layers}
        for position, wanted in enumerate(entry["layers"]):
            layer = layers.get(wanted["name"])
            if layer is None:
                field = f"components.{component.name}.layers[{position}].name"
                raise UserError(f"The model has no layer {wanted['name']!r}.", skeleton, field)
            flags = (bool(wanted["needsInputGrad"]), bool(wanted["needsWeightGrad"]))
            key = f"{wanted.get('signature') or component.name + layer.name} {flags}"
            found.setdefault(key, (component, layer, flags, []))[3].append(wanted)
    return list(found.values())


def _measure_layer(
    component: Component, layer: Layer, flags: tuple[bool, bool], inputs: dict[int, dict[str, Tensor]],
    document: dict[str, Any], device: torch.device,
) -> list[dict[str, Any]]:
    _materialise(component, layer, flags[1], device)
    precision = document.get("device", {}).get("precision", "fp32")
    times: list[dict[str, Any]] = []
    try:
        for batch, tensors in inputs.items():
            examples = [_example(tensors[i], device) for i in layer.inputs]
            differentiable = [
                e.requires_grad_(flags[0]) for i, e in zip(layer.inputs, examples, strict=True)
                if e.is_floating_point() and i.startswith(f"{component.name}/")
            ]
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                times.append({"batch": batch, **_measure(component, layer, flags, examples, differentiable, device)})
    except torch.OutOfMemoryError as error:
        times.append({"batch": batch, "forwardMs": 0, "inputGradMs": 0, "weightGradMs": 0, "source": "measured",
                      "status": "oom", "message": str(error)[:500]})
    for path in layer.modules:
        component.module.get_submodule(path).to("meta")
    return times


def _measure(
    component: Component, layer: Layer, flags: tuple[bool, bool], examples: list[Tensor], differentiable: list[Tensor],
    device: torch.device,
) -> dict[str, Any]:
    forward: list[float] = []
    if not any(flags):
        with torch.no_grad():
            _repeat(lambda: forward.append(_timed(lambda: layer.run(*examples), device)[0]), [forward])
        return {**_forward(forward), "inputGradMs": 0.0, "weightGradMs": 0.0, "source": "measured"}
    whole: list[float] = []
    alone: list[float] = []
    inputs = differentiable if flags[0] else []

    def backward(into: list[float], run: Callable[[Tensor, Tensor], Any]) -> None:
        duration, output = _timed(lambda: layer.run(*examples), device)
        forward.append(duration)
        gradient = torch.ones_like(output)
        into.append(_timed(lambda: run(output, gradient), device)[0])

    # In turn, so that a drift of the machine's speed meets both alike.
    def step() -> None:
        backward(whole, lambda output, gradient: output.backward(gradient))
        for example in differentiable:
            example.grad = None
        if inputs and flags[1]:
            backward(alone, lambda output, gradient: torch.autograd.grad(output, inputs, gradient))

    _repeat(step, [forward, whole, alone])
    total = median(whole)
    own = min(median(alone), total) if alone else total if inputs else 0.0
    return {**_forward(forward), "inputGradMs": own, "weightGradMs": total - own, "source": "measured"}


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


def _repeat(run: Callable[[], None], durations: Sequence[list[float]]) -> None:
    """Often enough for medians of `durations`, not longer than needed. The first, cold round is not kept."""
    run()
    for kept in durations:
        kept.clear()
    start = time.perf_counter()
    for count in range(_ROUNDS[1]):
        if count >= _ROUNDS[0] and time.perf_counter() - start > _SECONDS:
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
