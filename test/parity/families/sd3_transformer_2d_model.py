"""SD3Transformer2DModel."""

import torch
from diffusers import SD3Transformer2DModel
from family import case
from patches import latents_of, remember

CLASS = "SD3Transformer2DModel"


def build(config):
    return SD3Transformer2DModel.from_config(config)


def call(module, inputs):
    return {"": module(**inputs_without(inputs, "pos_embed")).sample}


def inputs_without(inputs, *names):
    return {name: value for name, value in inputs.items() if name not in names}


def make_input(name, shape, module, generator):
    remember(name, shape, module)
    if name == "pos_embed":
        return module.pos_embed.cropped_pos_embed(*latents_of(module)[-2:])
    return torch.rand(shape, generator=generator) * 1000 if name == "timestep" else None


def HOOKS(module):
    """The blocks return the text first, which the last one drops."""
    blocks = {f"transformer_blocks.{index}": (f"transformer_blocks.{index}", lambda output: [value for value in reversed(output) if value is not None]) for index in range(len(module.transformer_blocks))}
    return {**blocks, "proj_out": None}


MEDIUM = {
    "sample_size": 128,
    "patch_size": 2,
    "in_channels": 16,
    "num_layers": 24,
    "attention_head_dim": 64,
    "num_attention_heads": 24,
    "joint_attention_dim": 4096,
    "caption_projection_dim": 1536,
    "pooled_projection_dim": 2048,
    "out_channels": 16,
    "pos_embed_max_size": 192,
}

FULL = {
    "3 medium": case(MEDIUM, {"sequenceLength": 333}),
    "3.5 medium": case({**MEDIUM, "pos_embed_max_size": 384, "dual_attention_layers": list(range(13)), "qk_norm": "rms_norm"}),
    "3.5 large": case({**MEDIUM, "num_layers": 38, "num_attention_heads": 38, "caption_projection_dim": 2432, "qk_norm": "rms_norm"}),
}

SMALL = {
    "sample_size": 8,
    "in_channels": 4,
    "out_channels": 4,
    "num_layers": 3,
    "attention_head_dim": 8,
    "num_attention_heads": 2,
    "joint_attention_dim": 12,
    "caption_projection_dim": 16,
    "pooled_projection_dim": 10,
    "pos_embed_max_size": 9,
}
SIZES = {"height": 12, "width": 6, "sequenceLength": 5}


def small(**settings):
    return case({**SMALL, **settings}, SIZES)


REDUCED = {
    "small": small(),
    "rms_norm": small(qk_norm="rms_norm"),
    "layer_norm": small(qk_norm="layer_norm"),
    "dual attention": small(qk_norm="rms_norm", dual_attention_layers=[0, 1]),
    "dual attention in the last block": small(dual_attention_layers=[2]),
    "one block": small(num_layers=1, out_channels=None),
    "patches of 3": small(patch_size=3, in_channels=5),
}


def random_config(rng):
    choices = {
        "num_attention_heads": [1, 2, 4],
        "attention_head_dim": [8, 16, 5],
        "caption_projection_dim": [16, 8],
        "in_channels": [1, 16],
        "out_channels": [None, 8],
        "num_layers": [1, 2, 4],
        "patch_size": [1, 2, 5],
        "joint_attention_dim": [7],
        "pooled_projection_dim": [3],
        "pos_embed_max_size": [4, 12],
        "qk_norm": [None, "rms_norm", "layer_norm", "l2"],
        "dual_attention_layers": [[], [0], [1, 7]],
        "a_setting_of_a_later_version": [1],
    }
    return {key: rng.choice(choices[key]) for key in rng.sample(sorted(choices), rng.randint(1, 4))}


REFUSED = [({"qk_norm": "fp32_layer_norm"}, "qk_norm"), ({"caption_projection_dim": 24}, "caption_projection_dim")]
