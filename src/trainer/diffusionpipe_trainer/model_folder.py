"""Reads a diffusers pipeline folder: configurations first, weights only of the layers that are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from safetensors import SafetensorError, safe_open
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from .errors import UserError
from .layers.autoencoder_kl import autoencoder_layers, check_autoencoder
from .layers.clip_text import clip_text_layers
from .layers.layer import Component, Layer
from .layers.unet2d_condition import check_unet, unet_layers

DIFFUSERS_WEIGHTS = "diffusion_pytorch_model.safetensors"
TRANSFORMERS_WEIGHTS = "model.safetensors"
# Older files name some weights differently: a prefix in text encoders, the attention's matrices in autoencoders.
_OLD_CLIP_PREFIX = "text_model."
_OLD_ATTENTION = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}


class ModelFolder:
    """A `StableDiffusionPipeline` folder. `component(name)` is on the meta device until weights are loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path
        index = _read_object(path / "model_index.json")
        self.classes = {k: v[1] for k, v in index.items() if isinstance(v, list) and len(v) == 2 and v[1] is not None}

    def component(self, name: str) -> Component:
        """The component with its parameters on the meta device (no memory)."""
        kind = self.classes.get(name)
        config = self.path / name / "config.json"
        with torch.device("meta"):
            if kind == "UNet2DConditionModel":
                unet = UNet2DConditionModel.from_config(_read_object(config))
                check_unet(unet, str(config))
                return Component(name, unet, unet_layers(name, unet))
            if kind == "AutoencoderKL":
                vae = AutoencoderKL.from_config(_read_object(config))
                check_autoencoder(vae, str(config))
                return Component(name, vae, autoencoder_layers(name, vae))
            if kind == "CLIPTextModel":
                text_encoder = CLIPTextModel._from_config(clip_config(config), attn_implementation="sdpa")
                return Component(name, text_encoder, clip_text_layers(name, text_encoder))
        raise UserError(
            f"The trainer knows no component {name!r} of class {kind!r}.", self.path / "model_index.json", name
        )

    def tokenizer(self) -> CLIPTokenizer:
        """The tokenizer of the folder, from its own files only."""
        return CLIPTokenizer.from_pretrained(str(self.path / "tokenizer"), local_files_only=True)

    def noise_scheduler(self) -> DDPMScheduler:
        """The forward (noising) process of the folder's scheduler."""
        return DDPMScheduler.from_config(_read_object(self.path / "scheduler" / "scheduler_config.json"))

    def load(self, component: Component, layers: Iterable[Layer], device: torch.device) -> None:
        """Put the weights of `layers`, float32, on `device`; the rest of the component stays on the meta device."""
        for file, names in self._weights_by_file(component, layers).items():
            try:
                with safe_open(file, framework="pt") as weights:
                    for name, key in names.items():
                        _assign(component.module, name, weights.get_tensor(key).to(device, torch.float32), file)
            except SafetensorError as error:
                raise UserError(f"Not a readable weight file: {error}", file) from error

    def _weights_by_file(self, component: Component, layers: Iterable[Layer]) -> dict[Path, dict[str, str]]:
        """Weight file -> parameter name -> key in that file."""
        keys = self._keys(component.name)
        found: dict[Path, dict[str, str]] = {}
        for name, _ in component.parameters_of(layers):
            key = next((k for k in _spellings(name) if k in keys), None)
            if key is None:
                raise UserError(f"The weight {name!r} is missing.", self.path / component.name)
            found.setdefault(keys[key], {})[name] = key
        return found

    def _keys(self, name: str) -> dict[str, Path]:
        """Key -> weight file, of a single file or of a sharded one with its index."""
        folder = self.path / name
        for stem in (DIFFUSERS_WEIGHTS, TRANSFORMERS_WEIGHTS):
            index = folder / f"{stem}.index.json"
            if index.exists():
                entries = _read_object(index).get("weight_map", {})
                return {key: _inside(folder, file, index) for key, file in entries.items()}
            if (folder / stem).exists():
                with safe_open(folder / stem, framework="pt") as weights:
                    return dict.fromkeys(weights.keys(), folder / stem)
        raise UserError(
            "There are no safetensors weights. Make random ones with: python -m diffusionpipe_trainer init", folder
        )


def clip_config(file: Path) -> CLIPTextConfig:
    """The text encoder's configuration; only its own fields are read."""
    return CLIPTextConfig.from_dict(_read_object(file))


def _spellings(name: str) -> tuple[str, ...]:
    old_attention = name
    for new, old in _OLD_ATTENTION.items():
        old_attention = old_attention.replace(new, old)
    return name, _OLD_CLIP_PREFIX + name, old_attention


def _assign(module: nn.Module, name: str, value: torch.Tensor, file: Path) -> None:
    path, _, leaf = name.rpartition(".")
    owner = module.get_submodule(path)
    expected = getattr(owner, leaf)
    # Old VAE files keep the middle attention's linear weights as 1x1 convolutions.
    if value.ndim == expected.ndim + 2 and value.shape[-2:] == (1, 1):
        value = value[..., 0, 0]
    if value.shape != expected.shape:
        raise UserError(f"Shape {tuple(value.shape)}, but the configuration says {tuple(expected.shape)}.", file, name)
    setattr(owner, leaf, nn.Parameter(value, requires_grad=False))


def _inside(folder: Path, file: object, index: Path) -> Path:
    path = (folder / str(file)).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise UserError(f"{file!r} is outside the model folder.", index, "weight_map")
    return path


def _read_object(file: Path) -> dict[str, object]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"Cannot be read: {error.strerror}.", file) from error
    except ValueError as error:
        raise UserError(f"Not JSON: {error}.", file) from error
    if not isinstance(document, dict):
        raise UserError("Not a JSON object.", file)
    return document
