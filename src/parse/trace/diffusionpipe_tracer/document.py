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

from .costs import Cost, layer_costs
from .layers import Layer, choose_layers, modules_of
from .problem import TraceProblem
from .record import Read, Recording
from .values import Held, Value, handed_over, parameters_held

FORMAT = "diffusionpipe.trace/1"


def describe(class_name: str, passes: dict[int, dict[str, Recording]], specifications: dict, options: dict) -> dict:
    """
    @param passes By batch size, two of them, then by who gets gradients: "trained" (the parameters), "trainedThroughout"
    (parameters and inputs), "passedThrough" (inputs only). All are of one module.
    """
    (small, first), (large, second) = sorted(passes.items())
    recording = first["trained"]
    layers = choose_layers(recording, options)
    others = {kind: same_layers(recording, layers, other, large) for kind, other in second.items()}
    ours = {kind: same_layers(recording, layers, other, small) for kind, other in first.items()}
    split = Split(small, large)
    costs = {kind: list(zip(layer_costs(first[kind], ours[kind]), layer_costs(second[kind], others[kind]))) for kind in first}
    # Inputs learn in this one, so that every value shows whether a gradient can flow back through it.
    throughout = list(zip(handed_over(first["trainedThroughout"], ours["trainedThroughout"]), handed_over(second["trainedThroughout"], others["trainedThroughout"])))
    held = parameters_held(recording, layers)
    return {
        "format": FORMAT,
        "class": class_name,
        "versions": versions(recording.module),
        "batches": [small, large],
        "inputs": specifications,
        "parameters": sum(parameter.elements for parameter in held),
        "layers": [layer_document(recording, layers, index, held, {kind: pairs[index] for kind, pairs in costs.items()}, split) for index in range(len(layers))],
        "tensors": [tensor_document(small_value, large_value, layers, split) for small_value, large_value in throughout],
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


def same_layers(recording: Recording, layers: list[Layer], other: Recording, batch: int) -> list[Layer]:
    """The layers' items in another pass of the same module. What is kept for the backward pass may differ, operators may not."""
    if [call.path for call in other.calls] != [call.path for call in recording.calls]:
        raise TraceProblem("forward", f"The forward pass calls other modules when it runs again with {batch} samples; a trace must find the same work each time.")
    result: list[Layer] = []
    for layer in layers:
        result.append(Layer(layer.name, layer.call, result[-1].end if result else 0, other.calls[layer.call].end))
    result[-1].end = len(other.forward)
    return result


def layer_document(recording: Recording, layers: list[Layer], index: int, held: list[Held], costs: dict[str, tuple[Cost, Cost]], split: Split) -> dict:
    layer = layers[index]
    mine = [parameter for parameter in held if parameter.layer == index]
    small, large = costs["trained"]
    names = {other.name: layers[other.layer].name for other in held if index in other.shared}
    return {
        "name": layer.name,
        "class": type(recording.calls[layer.call].module).__name__,
        "modules": list(dict.fromkeys(recording.calls[call].path for call in modules_of(recording, layer))),
        "parameters": sum(parameter.elements for parameter in mine),
        "trainableParameters": sum(parameter.elements for parameter in mine if parameter.trainable),
        "shared": [{"parameter": name, "layer": home} for name, home in names.items()],
        "operators": dict(sorted(Counter(item.name for item in recording.forward[layer.start : layer.end] if item.flops).items())),
        "signature": signature(recording, layer),
        "forwardFlops": split(small.forwardFlops, large.forwardFlops),
        "trafficBytes": split(small.trafficBytes, large.trafficBytes),
        "backward": {kind: {key: split(value, asdict(pair[1])[key]) for key, value in asdict(pair[0]).items() if key not in ("forwardFlops", "trafficBytes")} for kind, pair in costs.items()},
    }


def tensor_document(small: Value, large: Value, layers: list[Layer], split: Split) -> dict:
    if (small.producer, small.consumers) != (large.producer, large.consumers):
        raise TraceProblem("forward", "The forward pass hands over other tensors with another number of samples.")
    producer = {"input": small.producer} if isinstance(small.producer, str) else {"layer": layers[small.producer].name}
    sizes = split(small.bytes, large.bytes) if small.views else {"perSample": 0, "fixed": 0}
    return {
        "producer": producer,
        "consumers": [layers[consumer].name for consumer in small.consumers],
        "dtype": small.dtype if small.views else None,
        "shape": [side if side == other else f"{side / split.small:g}*batch" for side, other in zip(small.shape, large.shape)] if small.views else None,
        "bytes": sizes,
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
        if item.saved is None:
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
