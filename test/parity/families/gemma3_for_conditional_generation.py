"""Gemma 3's text part; its vision tower and projector encode no text."""

import decoder
from family import case
from transformers import Gemma3Config, Gemma3ForConditionalGeneration

CLASS = "Gemma3ForConditionalGeneration"
UNUSED = (*decoder.UNUSED, "model.vision_tower.", "model.multi_modal_projector.")
TINY_VISION = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28, "patch_size": 14}
FULL = {}
REDUCED = {
    "small": case({"text_config": {**decoder.SMALL, "head_dim": 8, "sliding_window": 5, "sliding_window_pattern": 2}, "vision_config": TINY_VISION, "mm_tokens_per_image": 4}, decoder.SIZES),
}
call = decoder.call
make_input = decoder.make_input


def build(config):
    return Gemma3ForConditionalGeneration(Gemma3Config(**config))
