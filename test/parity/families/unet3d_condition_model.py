"""UNet3DConditionModel."""

import re

from diffusers import UNet3DConditionModel
from family import case

CLASS = "UNet3DConditionModel"


def build(config):
    return UNet3DConditionModel.from_config(config)


def call(module, inputs):
    return {"": module(inputs["sample"], inputs["timestep"], inputs["encoder_hidden_states"], timestep_cond=inputs.get("timestep_cond")).sample}


def make_input(name, shape, module, generator):
    if name == "sample":
        # For the hooks, which see frames folded into the batch.
        module.frames = shape[2]
    return None


def unfolded(module, pick=lambda output: output[0] if isinstance(output, tuple) else output):
    return lambda output: [pick(output).unflatten(0, (-1, module.frames))]


def HOOKS(module):
    layers = re.compile(r"conv_in|transformer_in|(down_blocks\.\d+|mid_block|up_blocks\.\d+)\.\w+\.\d+")
    hooks = {name: (name, unfolded(module)) for name, _ in module.named_modules() if layers.fullmatch(name)}
    return {**hooks, "conv_out": ("conv_out", lambda output: [output.unflatten(0, (-1, module.frames)).transpose(1, 2)])}


FULL = {"text-to-video": case({"sample_size": 32}, {"sequenceLength": 77})}

SMALL = {
    "attention_head_dim": 8,
    "block_out_channels": [16, 32],
    "cross_attention_dim": 24,
    "down_block_types": ["CrossAttnDownBlock3D", "DownBlock3D"],
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "sample_size": 8,
    "up_block_types": ["UpBlock3D", "CrossAttnUpBlock3D"],
}


def small(**settings):
    return case({**SMALL, **settings}, {"height": 8, "width": 4, "frames": 3, "sequenceLength": 10})


REDUCED = {
    "small": small(),
    "uneven heads": small(attention_head_dim=6, act_fn="gelu", norm_eps=1e-3),
    "guidance": small(time_cond_proj_dim=6, mid_block_scale_factor=1.4, downsample_padding=0, in_channels=5, out_channels=3),
    "attention everywhere": small(down_block_types=["CrossAttnDownBlock3D"] * 2, up_block_types=["CrossAttnUpBlock3D"] * 2, layers_per_block=2),
}


def random_config(rng):
    levels = rng.randint(1, 3)
    settings = {
        "block_out_channels": [rng.choice([8, 16, 24]) for _ in range(levels)],
        "down_block_types": [rng.choice(["DownBlock3D", "CrossAttnDownBlock3D"]) for _ in range(levels)],
        "up_block_types": [rng.choice(["UpBlock3D", "CrossAttnUpBlock3D"]) for _ in range(levels)],
    }
    choices = {
        "layers_per_block": [1, 2, 0],
        "attention_head_dim": [4, 8, 9, 100],
        "norm_num_groups": [2, 8, 3, None],
        "act_fn": ["silu", "mish", "none"],
        "time_cond_proj_dim": [None, 5],
        "cross_attention_dim": [24, 7],
        "num_attention_heads": [None, 2],
    }
    for key in rng.sample(sorted(choices), rng.randint(0, 4)):
        settings[key] = rng.choice(choices[key])
    return settings
