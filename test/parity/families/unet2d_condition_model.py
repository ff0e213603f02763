"""UNet2DConditionModel."""

import json

from conftest import FIXTURES, ROOT
from diffusers import UNet2DConditionModel
from family import case

CLASS = "UNet2DConditionModel"


def fixture(name):
    return json.loads((FIXTURES / name / "unet" / "config.json").read_text())


def build(config):
    return UNet2DConditionModel.from_config(config)


def call(module, inputs):
    return {"": module(inputs["sample"], inputs["timestep"], inputs["encoder_hidden_states"]).sample}


FULL = {
    "stable-diffusion-1-5": case(fixture("stable-diffusion-1-5"), parameters=859_520_964),
    "stable-diffusion-2-1": case(fixture("stable-diffusion-2-1"), parameters=865_910_724),
}

SMALL = fixture("small")
SIZES = {"height": 6, "width": 4, "sequenceLength": 10}


def small(**settings):
    return case({**SMALL, **settings}, SIZES)


REDUCED = {
    "small": small(),
    "sample": case(json.loads((ROOT / "media/sample/model/unet/config.json").read_text())),
    "linear projection": small(use_linear_projection=True, attention_head_dim=[2, 8], transformer_layers_per_block=2),
    "uneven": case(
        {
            **SMALL,
            "block_out_channels": [16, 24, 40],
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "layers_per_block": [1, 2, 1],
            "transformer_layers_per_block": [1, 2, 1],
            "attention_head_dim": [3, 5, 3],
        },
        {**SIZES, "height": 8},
    ),
    "time": small(flip_sin_to_cos=False, freq_shift=1, time_embedding_dim=20, act_fn="gelu", norm_eps=1e-3),
    "padding": small(downsample_padding=0, mid_block_scale_factor=1.5, conv_in_kernel=1, conv_out_kernel=5, act_fn="mish"),
    "plain middle": small(mid_block_type="UNetMidBlock2D", act_fn="relu"),
    "no middle": small(mid_block_type=None),
    "inpainting": small(in_channels=9),
}


def random_config(rng):
    levels = rng.randint(1, 3)
    blocks = [rng.choice(["Cross", ""]) for _ in range(levels)]
    settings = {
        "block_out_channels": [rng.choice([8, 16, 20, 24, 40]) for _ in range(levels)],
        "down_block_types": [f"{'CrossAttn' if b else ''}DownBlock2D" for b in blocks],
        "up_block_types": [f"{'CrossAttn' if rng.random() < 0.5 else ''}UpBlock2D" for _ in range(levels)],
    }
    choices = {
        "layers_per_block": [1, 2, [rng.randint(1, 3) for _ in range(levels)], [1, 2], 0],
        "attention_head_dim": [2, 4, 8, [rng.choice([1, 2, 3, 5]) for _ in range(levels)], [2, 2], 100],
        "transformer_layers_per_block": [1, 2, [rng.randint(1, 2) for _ in range(levels)]],
        "norm_num_groups": [1, 2, 4, 8, 7, None],
        "cross_attention_dim": [24, [24] * levels, 32],
        "use_linear_projection": [True, False, None],
        "mid_block_type": ["UNetMidBlock2DCrossAttn", "UNetMidBlock2D", None, "UNetMidBlock2DSimpleCrossAttn"],
        "downsample_padding": [0, 1, 2],
        "mid_block_scale_factor": [1, 1.4, 0],
        "act_fn": ["silu", "SiLU", "swish", "mish", "gelu", "relu", "tanh"],
        "time_embedding_dim": [None, 12, 64],
        "conv_in_kernel": [1, 3, 5, 4],
        "in_channels": [4, 9, 3],
        "only_cross_attention": [False, [False] * levels, True],
        "num_attention_heads": [None, 4],
        "upcast_attention": [None, True],
        "class_embed_type": [None, "timestep"],
        "resnet_time_scale_shift": ["default", "scale_shift"],
        "freq_shift": [0, 1],
        "a_setting_of_a_later_version": [1],
    }
    for key in rng.sample(sorted(choices), rng.randint(0, 5)):
        settings[key] = rng.choice(choices[key])
    return settings


REFUSED = [
    (settings, next(iter(settings)))
    for settings in (
        {"class_embed_type": "timestep"},
        {"num_class_embeds": 10},
        {"resnet_time_scale_shift": "scale_shift"},
        {"time_embedding_act_fn": "silu"},
        {"timestep_post_act": "silu"},
        {"time_cond_proj_dim": 8},
        {"time_embedding_type": "fourier"},
        {"center_input_sample": True},
        {"only_cross_attention": True},
        {"dual_cross_attention": True},
        {"encoder_hid_dim": 10},
        {"dropout": 0.1},
        {"attention_type": "gated"},
        {"mid_block_type": "UNetMidBlock2DSimpleCrossAttn"},
    )
]
