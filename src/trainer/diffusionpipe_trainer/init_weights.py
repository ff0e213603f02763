"""Random weights for a pipeline folder that has configurations only."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel

from .atomic import scratch_folder
from .errors import UserError
from .model_folder import ModelFolder, clip_config

_LOG_VARIANCE = -6.0


def init_weights(path: Path, seed: int) -> list[str]:
    """Write safetensors weights, a function of `seed`, for components without any; returns their names.

    Each file appears whole. The autoencoder is adjusted so that latents of images have mean 0 and deviation 1.
    """
    folder = ModelFolder(path)
    made: list[str] = []
    for name, kind in sorted(folder.classes.items()):
        if kind in ("CLIPTokenizer",) or kind.endswith("Scheduler") or any((path / name).glob("*.safetensors")):
            continue
        torch.manual_seed(seed)
        module = _random_module(path / name, kind)
        with scratch_folder(path) as temporary:
            module.save_pretrained(temporary, safe_serialization=True)
            for file in temporary.glob("*.safetensors*"):
                os.replace(file, path / name / file.name)
        made.append(name)
    return made


def _random_module(folder: Path, kind: str) -> nn.Module:
    if kind == "UNet2DConditionModel":
        return UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(folder))
    if kind == "CLIPTextModel":
        return CLIPTextModel(clip_config(folder / "config.json"))
    if kind == "AutoencoderKL":
        vae = AutoencoderKL.from_config(AutoencoderKL.load_config(folder)).eval()
        _normalise_latents(vae)
        return vae
    raise UserError(f"Cannot make weights for the class {kind}.", folder)


@torch.no_grad()
def _normalise_latents(vae: AutoencoderKL) -> None:
    """Scale and shift the last convolution so that scaled latents of smooth random images are standard normal."""
    size = int(vae.config.sample_size) if isinstance(vae.config.sample_size, int) else 64
    images = nn.functional.interpolate(torch.rand(16, 3, 4, 4) * 2 - 1, size=min(size, 64), mode="bicubic").clamp(-1, 1)
    last = vae.quant_conv if vae.quant_conv is not None else vae.encoder.conv_out
    channels = vae.config.latent_channels
    mean: Tensor = vae._encode(images)[:, :channels]
    shift = mean.mean(dim=(0, 2, 3))
    scale = 1.0 / (vae.config.scaling_factor * mean.std(dim=(0, 2, 3)))
    last.weight[:channels] *= scale.view(-1, 1, 1, 1)
    last.bias[:channels] = (last.bias[:channels] - shift) * scale
    last.weight[channels:] = 0.0
    last.bias[channels:] = _LOG_VARIANCE
