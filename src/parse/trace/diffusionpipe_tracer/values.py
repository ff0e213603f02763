"""Tensors that layers hand to each other, and parameters with the layers that use them.

A value is a storage at a version (an operator in place makes the next one); views are the value that they look at. Values
that depend on neither inputs nor parameters (positions, masks) can be made anywhere and are left out. What a consumer
needs of a value are the bytes of the views that it reads, at most the whole storage.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from .layers import Layer
from .record import Read, Recording


@dataclass
class Value:
    """`producer` is a layer, or the name of an input. `output`: the model returns it."""

    producer: int | str
    consumers: list[int] = field(default_factory=list)
    views: dict[tuple, int] = field(default_factory=dict)
    storage_bytes: int = 0
    differentiable: bool = False
    output: bool = False

    @property
    def bytes(self) -> int:
        return min(self.storage_bytes, sum(self.views.values()))

    @property
    def shape(self) -> tuple[int, ...]:
        return max(self.views, key=lambda view: self.views[view])[1]

    @property
    def dtype(self) -> str:
        return next(iter(self.views))[3].replace("torch.", "")


def handed_over(recording: Recording, layers: list[Layer]) -> list[Value]:
    """In order of production, the inputs first. What the model returns has the last layer among its consumers: the loss is there."""
    values: dict[tuple[int, int], Value] = {(storage, 0): Value(name, storage_bytes=recording.sizes[storage]) for storage, name in recording.inputs.items()}
    for layer_index, layer in enumerate(layers):
        for item in recording.forward[layer.start : layer.end]:
            if not item.is_view:
                for read in item.reads:
                    use(values.get((read.storage, read.version)), read, layer_index)
            if any((read.storage, read.version) in values or read.storage in recording.named for read in item.reads):
                for storage, version, size in item.writes:
                    if storage not in recording.named:
                        values.setdefault((storage, version), Value(layer_index, storage_bytes=size))
    for read in recording.outputs:
        value = values.get((read.storage, read.version))
        if value is not None:
            value.output = True
            use(value, read, len(layers) - 1)
    return [value for value in values.values() if value.consumers or value.output or isinstance(value.producer, str)]


def use(value: Value | None, read: Read, layer: int) -> None:
    """Within the layer that made it a value is of no concern, unless the model returns it."""
    if value is None or value.producer == layer and not value.output:
        return
    value.views.setdefault(read.view, read.bytes)
    value.differentiable = value.differentiable or read.differentiable
    if value.producer != layer and (not value.consumers or value.consumers[-1] != layer):
        value.consumers.append(layer)


@dataclass
class Held:
    """A parameter, the layer that holds it, and later layers that use it too."""

    name: str
    elements: int
    trainable: bool
    layer: int
    shared: list[int]
    used: bool


def parameters_held(recording: Recording, layers: list[Layer]) -> list[Held]:
    """Each once. One that no operator reads is held by the layer whose module has it, else by the first."""
    ends = [layer.end for layer in layers]
    users: dict[int, list[int]] = {}
    for position, item in enumerate(recording.forward):
        for read in item.reads:
            if read.storage in recording.named:
                layer = bisect_right(ends, position)
                found = users.setdefault(read.storage, [])
                if layer not in found:
                    found.append(layer)
    held = []
    for name, parameter in recording.module.named_parameters():
        used_by = users.get(recording.storage(parameter), [])
        inside = [index for index, layer in enumerate(layers) if within(name, recording.calls[layer.call].path)]
        home = (used_by or inside or [0])[0]
        held.append(Held(name, parameter.numel(), parameter.requires_grad, home, used_by[1:], bool(used_by)))
    return held


def within(name: str, path: str) -> bool:
    return path != "" and name.startswith(f"{path}.")
