"""`UNet2DConditionModel` (Stable Diffusion 1.x and 2.x) as layers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from ..errors import UserError
from .layer import NOISY_LATENTS, TEXT_EMBEDDINGS, TIMESTEPS, Layer

_BLOCKS = {"CrossAttnDownBlock2D", "DownBlock2D", "UNetMidBlock2DCrossAttn", "CrossAttnUpBlock2D", "UpBlock2D"}
_ABSENT = ("class_embed_type", "addition_embed_type", "encoder_hid_dim_type", "time_cond_proj_dim", "num_class_embeds")


def check_unet(unet: UNet2DConditionModel, file: str) -> None:
    """Refuse configurations whose forward pass has parts that the layers below do not have."""
    for field in _ABSENT:
        if unet.config.get(field) is not None:
            raise UserError(f"The trainer does not support {field} = {unet.config[field]!r}.", file, field)
    for block in [*unet.down_blocks, unet.mid_block, *unet.up_blocks]:
        if type(block).__name__ not in _BLOCKS:
            raise UserError(f"The trainer does not support blocks of type {type(block).__name__}.", file)
    if unet.config.get("dual_cross_attention"):
        raise UserError("The trainer does not support dual cross-attention.", file, "dual_cross_attention")


def unet_layers(name: str, unet: UNet2DConditionModel) -> tuple[Layer, ...]:
    """Layers in the order of `UNet2DConditionModel.forward`.

    Skips are the outputs of `conv_in` and of the down blocks, consumed again in reverse order by the up blocks.
    """
    time = f"{name}/time_embedding"
    layers: list[Layer] = []

    def add(path: str, inputs: tuple[str, ...], run: Callable[..., Tensor], modules: tuple[str, ...] = ()) -> str:
        layers.append(Layer(path, inputs, modules or (path,), run))
        return f"{name}/{path}"

    def add_attention(path: str, attention: nn.Module, hidden: str) -> str:
        return add(path, (hidden, TEXT_EMBEDDINGS), _attention(attention))

    add("time_embedding", (TIMESTEPS,), _time_embedding(unet))
    hidden = add("conv_in", (NOISY_LATENTS,), _conv_in(unet))
    skips = [hidden]
    for i, block in enumerate(unet.down_blocks):
        for j, resnet in enumerate(block.resnets):
            hidden = add(f"down_blocks.{i}.resnets.{j}", (hidden, time), resnet)
            if getattr(block, "attentions", None):
                hidden = add_attention(f"down_blocks.{i}.attentions.{j}", block.attentions[j], hidden)
            skips.append(hidden)
        for j, downsampler in enumerate(block.downsamplers or ()):
            hidden = add(f"down_blocks.{i}.downsamplers.{j}", (hidden,), downsampler)
            skips.append(hidden)
    hidden = add("mid_block.resnets.0", (hidden, time), unet.mid_block.resnets[0])
    for j, (attention, resnet) in enumerate(zip(unet.mid_block.attentions, unet.mid_block.resnets[1:], strict=True)):
        hidden = add_attention(f"mid_block.attentions.{j}", attention, hidden)
        hidden = add(f"mid_block.resnets.{j + 1}", (hidden, time), resnet)
    for i, block in enumerate(unet.up_blocks):
        for j, resnet in enumerate(block.resnets):
            hidden = add(f"up_blocks.{i}.resnets.{j}", (hidden, time, skips.pop()), _resnet_with_skip(resnet))
            if getattr(block, "attentions", None):
                hidden = add_attention(f"up_blocks.{i}.attentions.{j}", block.attentions[j], hidden)
        for j, upsampler in enumerate(block.upsamplers or ()):
            hidden = add(f"up_blocks.{i}.upsamplers.{j}", (hidden,), upsampler)
    norm = ("conv_norm_out",) if unet.conv_norm_out is not None else ()
    add("conv_out", (hidden,), _conv_out(unet), (*norm, "conv_out"))
    return tuple(layers)


def _time_embedding(unet: UNet2DConditionModel) -> Callable[[Tensor], Tensor]:
    def run(timesteps: Tensor) -> Tensor:
        dtype = unet.time_embedding.linear_1.weight.dtype
        embedded = unet.time_embedding(unet.time_proj(timesteps).to(dtype))
        return unet.time_embed_act(embedded) if unet.time_embed_act is not None else embedded

    return run


def _conv_in(unet: UNet2DConditionModel) -> Callable[[Tensor], Tensor]:
    def run(noisy: Tensor) -> Tensor:
        return unet.conv_in(2 * noisy - 1.0 if unet.config.center_input_sample else noisy)

    return run


def _attention(attention: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    def run(hidden: Tensor, text: Tensor) -> Tensor:
        return attention(hidden, encoder_hidden_states=text, return_dict=False)[0]

    return run


def _resnet_with_skip(resnet: nn.Module) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    def run(hidden: Tensor, time: Tensor, skip: Tensor) -> Tensor:
        return resnet(torch.cat([hidden, skip], dim=1), time)

    return run


def _conv_out(unet: UNet2DConditionModel) -> Callable[[Tensor], Tensor]:
    def run(hidden: Tensor) -> Tensor:
        if unet.conv_norm_out is not None:
            hidden = unet.conv_act(unet.conv_norm_out(hidden))
        return unet.conv_out(hidden)

    return run
