"""Configurations at random, many of them wrong: what the product accepts, diffusers accepts, and both see the same model."""

import random

import pytest
import reference
from conftest import FIXTURES
from test_architecture import check_component

SMALL = FIXTURES / "small"
COUNT = 40
SIZE = {"bindings": {"height": 64, "width": 64, "sequenceLength": 8}}


def unet(rng):
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


def vae(rng):
    levels = rng.randint(1, 3)
    settings = {
        "block_out_channels": [rng.choice([8, 16, 24]) for _ in range(levels)],
        "down_block_types": ["DownEncoderBlock2D"] * (levels if rng.random() < 0.8 else 2),
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "layers_per_block": rng.choice([1, 2]),
        "norm_num_groups": rng.choice([1, 4, 8, 8, 5]),
    }
    choices = {"mid_block_add_attention": [True, False, None], "use_quant_conv": [True, False], "act_fn": ["silu", "mish"], "scaling_factor": [0.5]}
    for key in rng.sample(sorted(choices), rng.randint(0, 2)):
        settings[key] = rng.choice(choices[key])
    return settings


def text_encoder(rng):
    choices = {
        "num_hidden_layers": [1, 3],
        "num_attention_heads": [1, 2, 5],
        "intermediate_size": [7, 64],
        "vocab_size": [3, 999],
        "max_position_embeddings": [8, 40],
        "hidden_act": ["gelu", "quick_gelu", "gelu_new", "nothing"],
        "layer_norm_eps": [1e-5, 1e-6],
    }
    return {key: rng.choice(choices[key]) for key in rng.sample(sorted(choices), rng.randint(1, 4))}


def test_what_is_accepted_is_right(describe, variant):
    rng = random.Random(20241105)
    makers = {"unet": unet, "vae": vae, "text_encoder": text_encoder}
    cases = []
    for index in range(COUNT):
        component = rng.choice(["unet", "unet", "unet", "vae", "text_encoder"])
        cases.append((component, variant(SMALL, {component: makers[component](rng)}, f"case{index}")))
    accepted = 0
    for (component, folder), (facts, _) in zip(cases, describe([(folder, SIZE) for _, folder in cases])):
        if "error" in facts:
            continue
        check_component(component, facts, folder)
        accepted += 1
    assert COUNT / 4 <= accepted < COUNT


# Accepted by diffusers and computed otherwise than in the supported models: each must be refused by name.
REFUSED = {
    "unet": {
        "class_embed_type": "timestep",
        "num_class_embeds": 10,
        "resnet_time_scale_shift": "scale_shift",
        "time_embedding_act_fn": "silu",
        "timestep_post_act": "silu",
        "time_cond_proj_dim": 8,
        "time_embedding_type": "fourier",
        "center_input_sample": True,
        "only_cross_attention": True,
        "dual_cross_attention": True,
        "encoder_hid_dim": 10,
        "dropout": 0.1,
        "attention_type": "gated",
        "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    },
    "vae": {"down_block_types": ["DownEncoderBlock2D", "AttnDownEncoderBlock2D"]},
    "text_encoder": {"hidden_act": "leaky_relu", "attention_dropout": 0.1},
}


@pytest.mark.parametrize(("component", "key"), [(c, key) for c, settings in REFUSED.items() for key in settings])
def test_what_is_not_supported_is_refused_by_name(describe, variant, component, key):
    folder = variant(SMALL, {component: {key: REFUSED[component][key]}})
    ((facts, _),) = describe([(folder, SIZE)])
    assert facts["field"].split("[")[0] == key
    assert facts["file"].endswith(f"{component}/config.json")
    reference.build(component, folder, "meta")
