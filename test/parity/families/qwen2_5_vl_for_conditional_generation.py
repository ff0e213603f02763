"""Qwen2.5-VL's text part, as Qwen-Image takes its text; its vision tower is no part of that."""

import decoder
from family import case
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

CLASS = "Qwen2_5_VLForConditionalGeneration"
UNUSED = (*decoder.UNUSED, "model.visual.")
TINY_VISION = {"depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 32}
ROPE = {"rope_type": "default", "type": "mrope", "mrope_section": [1, 1, 2]}
SMALL = {**decoder.SMALL, "rope_scaling": ROPE}
FULL = {
    "qwen2.5-vl-7b": case(
        {
            "text_config": {
                "vocab_size": 152064, "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4, "rms_norm_eps": 1e-6,
                "rope_theta": 1000000.0, "rope_scaling": {"mrope_section": [16, 24, 24], "rope_type": "default", "type": "default"}, "use_sliding_window": False, "max_window_layers": 28,
            },
            "vision_config": {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "out_hidden_size": 3584},
        },
        {"sequenceLength": 256},
        # Qwen2.5-7B without its head.
        parameters=7_615_616_512 - 152064 * 3584,
    ),
}
REDUCED = {
    "nested": case({"text_config": SMALL, "vision_config": TINY_VISION}, decoder.SIZES),
    "flat": case({**SMALL, "vision_config": TINY_VISION}, decoder.SIZES),
}
call = decoder.call
make_input = decoder.make_input


def build(config):
    return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(**config))
