"""Components of a model folder in diffusers and transformers."""

import json

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel


def build(component, folder, device="cpu"):
    """The module of `component`, from its configuration alone; on "meta" without memory."""
    config = json.loads((folder / component / "config.json").read_text())
    with torch.device(device):
        if component == "unet":
            module = UNet2DConditionModel.from_config(config)
        elif component == "vae":
            module = AutoencoderKL.from_config(config)
            del module.decoder, module.post_quant_conv
        else:
            module = CLIPTextModel(CLIPTextConfig(**{k: v for k, v in config.items() if k != "architectures"}))
    return module.eval()
