"""PixArtTransformer2DModel."""

from diffusers import PixArtTransformer2DModel
from family import case
from patches import make_input  # noqa: F401

CLASS = "PixArtTransformer2DModel"


def build(config):
    return PixArtTransformer2DModel.from_config(config)


def call(module, inputs):
    conditions = {name: inputs.get(name) for name in ("resolution", "aspect_ratio")}
    return {"": module(inputs["hidden_states"], encoder_hidden_states=inputs["encoder_hidden_states"], timestep=inputs["timestep"], added_cond_kwargs=conditions).sample}


def HOOKS(_module):
    return {"proj_out": None}


ALPHA = {
    "num_attention_heads": 16,
    "attention_head_dim": 72,
    "in_channels": 4,
    "out_channels": 8,
    "num_layers": 28,
    "dropout": 0.0,
    "norm_num_groups": 32,
    "cross_attention_dim": 1152,
    "attention_bias": True,
    "sample_size": 128,
    "patch_size": 2,
    "activation_fn": "gelu-approximate",
    "num_embeds_ada_norm": 1000,
    "norm_type": "ada_norm_single",
    "norm_elementwise_affine": False,
    "norm_eps": 1e-6,
    "attention_type": "default",
    "caption_channels": 4096,
}

FULL = {
    "alpha XL/2, 256": case({**ALPHA, "sample_size": 32}),
    "alpha XL/2, 512": case({**ALPHA, "sample_size": 64}),
    "alpha XL/2, 1024": case(ALPHA),
    "sigma XL/2, 1024": case({**ALPHA, "interpolation_scale": 2, "use_additional_conditions": False}, {"sequenceLength": 300}),
}

SMALL = {"num_attention_heads": 2, "attention_head_dim": 12, "num_layers": 2, "sample_size": 8, "cross_attention_dim": 24, "caption_channels": 16}
SIZES = {"sequenceLength": 5}


def small(sizes=None, **settings):
    return case({**SMALL, **settings}, {**SIZES, **(sizes or {})})


REDUCED = {
    "small": small(),
    "other size": small({"height": 12, "width": 6}),
    "sizes": small(use_additional_conditions=True),
    "without captions": small(caption_channels=None, cross_attention_dim=20),
    "affine": small(norm_elementwise_affine=True, norm_eps=1e-3, attention_bias=False, out_channels=None),
    "geglu": small(activation_fn="geglu", patch_size=4, in_channels=3),
}


def random_config(rng):
    choices = {
        "num_attention_heads": [1, 2, 4],
        "attention_head_dim": [12, 6, 5],
        "in_channels": [1, 4, 9],
        "out_channels": [None, 4],
        "num_layers": [1, 3],
        "cross_attention_dim": [24, 12],
        "caption_channels": [None, 7],
        "sample_size": [8, 16, 128],
        "patch_size": [1, 2, 4],
        "activation_fn": ["gelu", "geglu", "tanh"],
        "norm_type": ["ada_norm_single", "ada_norm_zero"],
        "norm_elementwise_affine": [True, False],
        "use_additional_conditions": [True, False, None],
        "a_setting_of_a_later_version": [1],
    }
    return {key: rng.choice(choices[key]) for key in rng.sample(sorted(choices), rng.randint(1, 5))}


REFUSED = [
    ({"dropout": 0.1}, "dropout"),
    ({"attention_type": "gated"}, "attention_type"),
    ({"cross_attention_dim": None}, "cross_attention_dim"),
    ({"cross_attention_dim": 12}, "cross_attention_dim"),
    ({"use_additional_conditions": True, "attention_head_dim": 8, "cross_attention_dim": 16}, "use_additional_conditions"),
]
