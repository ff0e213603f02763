"""Traces at two batch sizes, combined into the document: every figure as an amount per sample and a fixed one."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections import Counter
from dataclasses import asdict

import torch
from torch import nn
from torch.utils._pytree import tree_map

from . import FORMAT
from .arguments import sizes_of
from .costs import Cost, layer_costs
from .export import Exporter
from .layers import Layer, bounded, choose_calls, modules_of
from .problem import TraceProblem
from .record import Read, Recording
from .values import Held, Value, handed_over, parameters_held


def describe(class_name: str, passes: dict[int, dict[str, Recording]], specifications: dict, options: dict, exports: bool = False) -> dict:
    """
    @param passes By batch size, two of them, then by who gets gradients: "trained" (the parameters), "trainedThroughout"
    (parameters and inputs), "passedThrough" (inputs only). All are of one module.
    @param exports Whether layers are exported as ONNX graphs too: "graphs" then has one for each signature, or why there is none.
    """
    (small, first), (large, second) = sorted(passes.items())
    chosen = choose_calls(first["trained"], options)
    costs: dict[str, list[tuple[Cost, Cost]]] = {}
    for kind, recording in first.items():
        check_same_work(first["trained"], recording, second[kind], large)
        layers = bounded(recording, chosen)
        costs[kind] = list(zip(layer_costs(recording, layers), layer_costs(second[kind], layers)))
    # Inputs learn in this one, so that every value shows whether a gradient can flow back through it.
    throughout = bounded(first["trainedThroughout"], chosen)
    values = zip(*(handed_over(each["trainedThroughout"], throughout) for each in (first, second)), strict=True)
    recording, layers, split = first["trained"], bounded(first["trained"], chosen), Split(small, large)
    held = parameters_held(recording, layers)
    exporter = Exporter(recording, second["trained"], (small, large))
    if exports:
        for layer in layers:
            exporter.add(layer, signature(recording, layer))
    return {
        "format": FORMAT,
        "class": class_name,
        "versions": versions(recording.module),
        "batches": [small, large],
        "sizes": sizes_of(specifications),
        "inputs": specifications,
        "parameters": sum(parameter.elements for parameter in held),
        "layers": [layer_document(recording, layers, index, held, {kind: pairs[index] for kind, pairs in costs.items()}, split) for index in range(len(layers))],
        "tensors": [tensor_document(at_small, at_large, split) for at_small, at_large in values],
        "graphs": exporter.graphs,
        "notes": notes(held, recording),
    }


class Split:
    """bytes(b) = perSample * b + fixed, from two batch sizes."""

    def __init__(self, small: int, large: int):
        self.small, self.large = small, large

    def __call__(self, at_small: int, at_large: int) -> dict:
        per_sample = max(0, (at_large - at_small) / (self.large - self.small))
        if per_sample == int(per_sample):
            per_sample = int(per_sample)
        return {"perSample": per_sample, "fixed": max(0, at_small - per_sample * self.small)}

    def text(self, at_small: int, at_large: int) -> int | str:
        """A side of a shape: 64, "batch", "77*batch", "1+77*batch"."""
        if at_small == at_large:
            return at_small
        factor, fixed = (at_large - at_small) / (self.large - self.small), at_small - (at_large - at_small) / (self.large - self.small) * self.small
        return (f"{fixed:g}+" if fixed else "") + ("batch" if factor == 1 else f"{factor:g}*batch")


def check_same_work(reference: Recording, small: Recording, large: Recording, batch: int) -> None:
    """@raises TraceProblem where a pass calls other modules than the first one, or does other operators with another number of samples."""
    again = "A trace must find the same work each time the forward pass runs"
    for other in (small, large):
        if [call.path for call in other.calls] != [call.path for call in reference.calls]:
            raise TraceProblem("forward", f"{again}, but it calls other modules when it runs again.")
    for ours, theirs in zip(small.forward, large.forward):
        if ours.name != theirs.name:
            raise TraceProblem("forward", f"{again}, but it does {theirs.name} with {batch} samples in place of {ours.name}.")
    if len(small.forward) != len(large.forward):
        raise TraceProblem("forward", f"{again}, but it does {len(large.forward)} operators with {batch} samples in place of {len(small.forward)}.")


def layer_document(recording: Recording, layers: list[Layer], index: int, held: list[Held], costs: dict[str, tuple[Cost, Cost]], split: Split) -> dict:
    layer = layers[index]
    mine = [parameter for parameter in held if parameter.layer == index]
    small, large = costs["trained"]
    users = [parameter for parameter in held if index in parameter.shared]
    return {
        "name": layer.name,
        "class": type(recording.calls[layer.call].module).__name__,
        "modules": list(dict.fromkeys(recording.calls[call].path for call in modules_of(recording, layer))),
        "parameters": sum(parameter.elements for parameter in mine),
        "trainableParameters": sum(parameter.elements for parameter in mine if parameter.trainable),
        "shared": [{"parameter": parameter.name, "layer": parameter.layer} for parameter in users],
        "learns": any(parameter.trainable for parameter in [*mine, *users]),
        "operators": dict(sorted(Counter(item.name for item in recording.forward[layer.start : layer.end] if item.flops).items())),
        "signature": signature(recording, layer),
        "forwardFlops": split(small.forwardFlops, large.forwardFlops),
        "trafficBytes": split(small.trafficBytes, large.trafficBytes),
        "backward": {kind: {key: split(value, asdict(pair[1])[key]) for key, value in asdict(pair[0]).items() if key not in ("forwardFlops", "trafficBytes")} for kind, pair in costs.items()},
    }


def tensor_document(small: Value, large: Value, split: Split) -> dict:
    if (small.producer, small.consumers) != (large.producer, large.consumers):
        raise TraceProblem("forward", "The forward pass hands over other tensors with another number of samples.")
    if not small.views:
        return {"producer": {"input": small.producer}, "consumers": [], "shape": [], "bytes": split(0, 0), "differentiable": False, "output": False}
    return {
        "producer": {"input": small.producer} if isinstance(small.producer, str) else {"layer": small.producer},
        "consumers": small.consumers,
        "dtype": small.dtype,
        "shape": [split.text(side, other) for side, other in zip(small.shape, large.shape)],
        "bytes": split(small.bytes, large.bytes),
        "differentiable": small.differentiable,
        "output": small.output,
    }


def signature(recording: Recording, layer: Layer) -> str:
    """Equal for layers that do the same operators on tensors of the same shapes, wired alike."""
    numbers: dict[int, int] = {}

    def token(leaf):
        if isinstance(leaf, Read):
            known = "parameter" if leaf.storage in recording.named else numbers.setdefault(leaf.storage, len(numbers))
            return f"<{known} {leaf.view}>"
        return repr(leaf)

    digest = hashlib.sha256()
    for item in recording.forward[layer.start : layer.end]:
        digest.update(json.dumps([item.name, tree_map(token, item.arguments)], default=repr).encode())
    return digest.hexdigest()


def versions(module: nn.Module) -> dict:
    result = {"python": platform.python_version(), "torch": torch.__version__}
    package = type(module).__module__.partition(".")[0]
    if package in ("diffusers", "transformers"):
        result[package] = importlib.metadata.version(package)
    return result


def notes(held: list[Held], recording: Recording) -> list[str]:
    unused = [parameter.name for parameter in held if not parameter.used]
    result = []
    if unused:
        shown = ", ".join(unused[:5]) + (" …" if len(unused) > 5 else "")
        result.append(f"No operator of the forward pass reads {len(unused)} parameter{'s' if len(unused) > 1 else ''}: {shown}.")
    frozen = sum(parameter.elements for parameter in held if not parameter.trainable)
    if frozen:
        result.append(f"{frozen} parameters have requires_grad False and get no gradients.")
    return result
