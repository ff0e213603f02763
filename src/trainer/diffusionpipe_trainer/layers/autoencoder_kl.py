"""The encoder half of `AutoencoderKL` as layers."""

from __future__ import annotations

from collections.abc import Callable

from diffusers import AutoencoderKL
from torch import Tensor, nn

from ..errors import UserError
from .layer import PIXELS, Layer


def check_autoencoder(vae: AutoencoderKL, file: str) -> None:
    """Refuse configurations whose encoder has other parts than the layers below."""
    for block in vae.encoder.down_blocks:
        if type(block).__name__ != "DownEncoderBlock2D":
            raise UserError(f"The trainer does not support blocks of type {type(block).__name__}.", file)
    if any(attention is None for attention in vae.encoder.mid_block.attentions):
        raise UserError("The trainer needs attention in the middle block.", file, "mid_block_add_attention")


def autoencoder_layers(name: str, vae: AutoencoderKL) -> tuple[Layer, ...]:
    """Layers from pixels to moments (mean and log-variance, (batch, 2 * latent channels, height / 8, width / 8))."""
    encoder = vae.encoder
    layers: list[Layer] = []
    hidden = PIXELS

    def add(path: str, run: Callable[..., Tensor], modules: tuple[str, ...] = ()) -> None:
        nonlocal hidden
        layers.append(Layer(path, (hidden,), modules or (path,), run))
        hidden = f"{name}/{path}"

    add("encoder.conv_in", encoder.conv_in)
    for i, block in enumerate(encoder.down_blocks):
        for j, resnet in enumerate(block.resnets):
            add(f"encoder.down_blocks.{i}.resnets.{j}", _resnet(resnet))
        for j, downsampler in enumerate(block.downsamplers or ()):
            add(f"encoder.down_blocks.{i}.downsamplers.{j}", downsampler)
    middle = encoder.mid_block
    add("encoder.mid_block.resnets.0", _resnet(middle.resnets[0]))
    for j, (attention, resnet) in enumerate(zip(middle.attentions, middle.resnets[1:], strict=True)):
        add(f"encoder.mid_block.attentions.{j}", attention)
        add(f"encoder.mid_block.resnets.{j + 1}", _resnet(resnet))
    add("encoder.conv_out", _conv_out(encoder), ("encoder.conv_norm_out", "encoder.conv_out"))
    if vae.quant_conv is not None:
        add("quant_conv", vae.quant_conv)
    return tuple(layers)


def _resnet(resnet: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda hidden: resnet(hidden, None)


def _conv_out(encoder: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda hidden: encoder.conv_out(encoder.conv_act(encoder.conv_norm_out(hidden)))
