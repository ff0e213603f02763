"""`CLIPTextModel` as layers, up to the last hidden state (the pooled output is not used)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel

from .layer import TOKEN_IDS, Layer


def clip_text_layers(name: str, text_encoder: CLIPTextModel) -> tuple[Layer, ...]:
    """Layers from token ids (batch, sequence length) to text embeddings (batch, sequence length, width)."""
    layers = [Layer("embeddings", (TOKEN_IDS,), ("embeddings",), _embeddings(text_encoder.embeddings))]
    hidden = f"{name}/embeddings"
    for i, layer in enumerate(text_encoder.encoder.layers):
        layers.append(Layer(f"layers.{i}", (hidden,), (f"encoder.layers.{i}",), _encoder_layer(layer)))
        hidden = f"{name}/layers.{i}"
    layers.append(Layer("final_layer_norm", (hidden,), ("final_layer_norm",), text_encoder.final_layer_norm))
    return tuple(layers)


def _embeddings(embeddings: nn.Module) -> Callable[[Tensor], Tensor]:
    def run(token_ids: Tensor) -> Tensor:
        # The module's own position ids are a buffer that no weight file holds; they are only 0, 1, 2, …
        positions = torch.arange(token_ids.shape[-1], device=token_ids.device).unsqueeze(0)
        return embeddings(input_ids=token_ids, position_ids=positions)

    return run


def _encoder_layer(layer: nn.Module) -> Callable[[Tensor], Tensor]:
    # Without a mask tensor, scaled-dot-product attention takes causality from the flag.
    return lambda hidden: layer(hidden, attention_mask=None, is_causal=True)
