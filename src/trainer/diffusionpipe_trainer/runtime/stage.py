"""A stage: the layers of a chain that a rank trains, as one module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..errors import UserError
from ..layers.layer import Component, Layer
from ..program import Chain, Program, Stage

ChainLayer = tuple[str, Layer]
"""(component, layer)."""


def chain_layers(chain: Chain, components: dict[str, Component], file: str) -> list[ChainLayer]:
    """Layers of a chain in order, checked against the names in the program."""
    layers: list[ChainLayer] = []
    for name, start, stop in chain.segments:
        own = components[name].layers
        if not 0 <= start < stop <= len(own):
            raise UserError(f"{name} has {len(own)} layers, not {stop}.", file, f"chains.{chain.id}.segments")
        layers += [(name, layer) for layer in own[start:stop]]
    return layers


def check_layer_names(program: Program, components: dict[str, Component]) -> None:
    """The program must have been made for this model: same layers, same order."""
    for name, names in program.components.items():
        own = tuple(layer.name for layer in components[name].layers)
        if own != names:
            raise UserError(
                f"Its layers differ from the model folder's: {len(names)} against {len(own)} or other names.",
                program.file, f"components.{name}.layers",
            )


@dataclass(frozen=True)
class Kept:
    """A tensor that a stage takes from an earlier stage of its rank, where it is one of the outputs."""

    tensor: str
    stage: int
    place: int


@dataclass
class Ports:
    """What goes in and out of a stage. `inputs`: messages, then `kept`; `outputs`: messages, then what others keep."""

    inputs: list[str]
    outputs: list[str]
    sent: int
    kept: list[Kept] = field(default_factory=list)


def ports_of(chain: Chain, layers: Sequence[ChainLayer], held: Sequence[int]) -> dict[int, Ports]:
    """The ports of the stages `held` by one rank, ascending.

    What a stage needs and no message brings was made or received by an earlier stage of the rank: the latest that has it
    hands it on, so that its gradient comes back through the stage that it came from.
    """
    made_by_chain = {f"{name}/{layer.name}" for name, layer in layers}
    ports: dict[int, Ports] = {}
    has: dict[int, set[str]] = {}
    for index in held:
        stage = chain.stages[index]
        own = layers[stage.start : stage.stop]
        made = {f"{name}/{layer.name}" for name, layer in own}
        ports[index] = Ports(list(stage.receives), list(stage.sends), len(stage.sends))
        needed = dict.fromkeys([*(i for _, layer in own for i in layer.inputs), *stage.sends])
        for tensor in needed:
            if tensor in made or tensor in stage.receives or tensor not in made_by_chain:
                continue
            source = next((s for s in reversed(list(has)) if tensor in has[s]), None)
            if source is None:
                raise UserError(f"Stage {index} needs {tensor!r}, which neither arrives nor is on its rank.")
            ports[index].kept.append(Kept(tensor, source, len(ports[source].outputs)))
            ports[index].inputs.append(tensor)
            ports[source].outputs.append(tensor)
        has[index] = made | set(ports[index].inputs)
    return ports


def learning(layers: Sequence[ChainLayer], components: dict[str, Component], trained: frozenset[str]) -> frozenset[str]:
    """Ids of the tensors of a chain that a gradient flows back through: made by or after something that trains."""
    found: set[str] = set()
    for name, layer in layers:
        trains = name in trained and any(True for _ in components[name].parameters_of([layer]))
        if trains or any(i in found for i in layer.inputs):
            found.add(f"{name}/{layer.name}")
    return frozenset(found)


class StageModule(nn.Module):
    """Runs the layers of a stage. Takes and gives what goes through its ports."""

    def __init__(
        self, layers: Sequence[ChainLayer], stage: Stage, ports: Ports, components: dict[str, Component], *, is_last: bool,
        wire: torch.dtype, autocast: torch.dtype | None,
    ) -> None:
        super().__init__()
        self._layers = list(layers[stage.start : stage.stop])
        self._receives = tuple(ports.inputs)
        self._gives = tuple(ports.outputs)
        self._is_last = is_last
        self._wire = wire
        self._autocast = autocast
        made = {f"{name}/{layer.name}" for name, layer in self._layers} | set(ports.inputs)
        self.externals = tuple(
            dict.fromkeys(i for _, layer in self._layers for i in layer.inputs if i not in made)
        )
        """Ids of the tensors that come from elsewhere: data and encodings."""
        # Registered so that PipelineStage moves and finds the parameters; keys cannot hold dots.
        for name in {name for name, _ in self._layers}:
            own = [layer for component, layer in self._layers if component == name]
            for path in (path for layer in own for path in layer.modules):
                self.add_module(f"{name}:{path.replace('.', ':')}", components[name].module.get_submodule(path))

    def forward(self, *received: Tensor, **externals: Tensor) -> Tensor | tuple[Tensor, ...]:
        """`received` in the order of the ports, `externals` by tensor id. Returns the outputs, or the prediction."""
        tensors = dict(zip(self._receives, received, strict=True)) | externals
        device = next(iter(tensors.values())).device.type
        # The meta device, where shapes are found, has no autocast.
        enabled = self._autocast is not None and device != "meta"
        with torch.autocast("cpu" if device == "meta" else device, self._autocast or torch.bfloat16, enabled=enabled):
            for component, layer in self._layers:
                tensors[f"{component}/{layer.name}"] = layer.run(*(tensors[i] for i in layer.inputs))
        if self._is_last:
            component, layer = self._layers[-1]
            return tensors[f"{component}/{layer.name}"].float()
        # What only passes through must not be the same leaf as the input, or its gradient would be counted there.
        return tuple(tensors[i].to(self._wire).contiguous().view_as(tensors[i]) for i in self._gives)

    def parameter_names(self, components: dict[str, Component]) -> dict[str, nn.Parameter]:
        """`component.parameter` under original names."""
        named: dict[str, nn.Parameter] = {}
        for name in dict.fromkeys(name for name, _ in self._layers):
            own = [layer for component, layer in self._layers if component == name]
            named.update((f"{name}.{key}", parameter) for key, parameter in components[name].parameters_of(own))
        return named


def cut_shapes(layers: Sequence[ChainLayer], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Every tensor of a chain on the meta device, from `inputs` (data and encodings, on the meta device)."""
    tensors = dict(inputs)
    with torch.no_grad():
        for component, layer in layers:
            tensors[f"{component}/{layer.name}"] = layer.run(*(tensors[i] for i in layer.inputs))
    return tensors
