"""All layers in order are the same function as the diffusers module."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusionpipe_trainer.errors import UserError
from diffusionpipe_trainer.layers import (
    NOISY_LATENTS,
    PIXELS,
    TEXT_EMBEDDINGS,
    TIMESTEPS,
    TOKEN_IDS,
    Component,
    run_layers,
)
from diffusionpipe_trainer.layers.autoencoder_kl import autoencoder_layers
from diffusionpipe_trainer.layers.clip_text import clip_text_layers
from diffusionpipe_trainer.layers.unet2d_condition import check_unet, unet_layers
from small_model import TEXT_ENCODER, UNET, VAE
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel


def last_output(name: str, layers: tuple, tensors: dict[str, Tensor]) -> Tensor:
    with torch.no_grad():
        run_layers(name, layers, tensors)
    return tensors[f"{name}/{layers[-1].name}"]


def names_of(component: Component) -> list[str]:
    return [name for name, _ in component.parameters_of(component.layers)]


# As in 1.x, as in 2.x (linear projections, heads per level), and with two layers a block.
@pytest.mark.parametrize("changes", [
    {}, {"use_linear_projection": True, "attention_head_dim": [2, 4, 8]}, {"layers_per_block": 2, "center_input_sample": True},
])
def test_unet(changes: dict) -> None:
    torch.manual_seed(0)
    unet = UNet2DConditionModel.from_config({**UNET, **changes})
    noisy, timesteps, text = torch.randn(2, 4, 8, 8), torch.tensor([3, 900]), torch.randn(2, 5, 32)
    layers = unet_layers("unet", unet)
    output = last_output("unet", layers, {NOISY_LATENTS: noisy, TIMESTEPS: timesteps, TEXT_EMBEDDINGS: text})
    with torch.no_grad():
        expected = unet(noisy, timesteps, text).sample
    assert torch.allclose(output, expected, atol=1e-6)
    assert sorted(names_of(Component("unet", unet, layers))) == sorted(name for name, _ in unet.named_parameters())


def test_autoencoder() -> None:
    torch.manual_seed(0)
    vae = AutoencoderKL.from_config(VAE)
    pixels = torch.rand(2, 3, 32, 32)
    layers = autoencoder_layers("vae", vae)
    output = last_output("vae", layers, {PIXELS: pixels})
    with torch.no_grad():
        expected = vae.encode(pixels).latent_dist.parameters
    assert torch.allclose(output, expected, atol=1e-6)
    encoder = [n for n, _ in vae.named_parameters() if n.startswith(("encoder.", "quant_conv."))]
    assert sorted(names_of(Component("vae", vae, layers))) == sorted(encoder)


def test_text_encoder() -> None:
    torch.manual_seed(0)
    text_encoder = CLIPTextModel(CLIPTextConfig(**TEXT_ENCODER, vocab_size=50)).eval()
    token_ids = torch.randint(50, (2, 16))
    layers = clip_text_layers("text_encoder", text_encoder)
    output = last_output("text_encoder", layers, {TOKEN_IDS: token_ids})
    with torch.no_grad():
        expected = text_encoder(token_ids).last_hidden_state
    assert torch.allclose(output, expected, atol=1e-6)
    assert sorted(names_of(Component("", text_encoder, layers))) == sorted(n for n, _ in text_encoder.named_parameters())


def test_an_unsupported_unet_is_refused() -> None:
    with torch.device("meta"):
        unet: nn.Module = UNet2DConditionModel.from_config({**UNET, "class_embed_type": "timestep"})
    with pytest.raises(UserError, match="class_embed_type"):
        check_unet(unet, "config.json")
