"""A stage: the layers of a chain that a rank trains, as one module."""

from __future__ import annotations

from collections.abc import Sequence

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


class StageModule(nn.Module):
    """Runs the layers of a stage. Takes what arrives from the stage before, gives what leaves for the stage after."""

    def __init__(
        self, layers: Sequence[ChainLayer], stage: Stage, components: dict[str, Component], *, is_last: bool,
        wire: torch.dtype, autocast: torch.dtype | None,
    ) -> None:
        super().__init__()
        self._layers = list(layers[stage.start : stage.stop])
        self._receives = stage.receives
        self._sends = stage.sends
        self._is_last = is_last
        self._wire = wire
        self._autocast = autocast
        made = {f"{name}/{layer.name}" for name, layer in self._layers} | set(stage.receives)
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
        """`received` in the order of the program, `externals` by tensor id. Returns the last output, or what is sent."""
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
        return tuple(tensors[i].to(self._wire).contiguous().view_as(tensors[i]) for i in self._sends)

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
