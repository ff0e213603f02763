"""A component of a diffusers pipeline as ordered, named layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from torch import Tensor, nn

PIXELS = "data/pixels"
"""Images, (batch, 3, height, width) in [-1, 1]."""
TOKEN_IDS = "data/token_ids"
"""Caption tokens, (batch, sequence length), int64."""
TIMESTEPS = "data/timesteps"
"""Diffusion timesteps, (batch,), int64."""
NOISY_LATENTS = "data/noisy_latents"
"""Latents with noise added, (batch, channels, height / 8, width / 8); made from `vae` moments, noise and timesteps."""
TEXT_EMBEDDINGS = "text_encoder/final_layer_norm"
"""Encoded captions, (batch, sequence length, width)."""


@dataclass(frozen=True)
class Layer:
    """The smallest thing that a stage can hold.

    `inputs` are tensor ids in the order `run` takes them; the output has the id `component/name`.
    `modules` are the paths, inside the component, of the modules that hold its parameters.
    """

    name: str
    inputs: tuple[str, ...]
    modules: tuple[str, ...]
    run: Callable[..., Tensor]


@dataclass(frozen=True)
class Component:
    """A module of the pipeline with its layers in the order in which they run."""

    name: str
    module: nn.Module
    layers: tuple[Layer, ...]

    def output_id(self, index: int) -> str:
        """Tensor id of the output of layer `index`."""
        return f"{self.name}/{self.layers[index].name}"

    def parameters_of(self, layers: Iterable[Layer]) -> Iterator[tuple[str, nn.Parameter]]:
        """Parameters of the given layers under their names in the component."""
        for layer in layers:
            for path in layer.modules:
                for name, parameter in self.module.get_submodule(path).named_parameters():
                    yield f"{path}.{name}", parameter


def run_layers(component: str, layers: Iterable[Layer], tensors: dict[str, Tensor]) -> None:
    """Run layers in order; each reads its inputs from `tensors` and adds its output there."""
    for layer in layers:
        tensors[f"{component}/{layer.name}"] = layer.run(*(tensors[i] for i in layer.inputs))
