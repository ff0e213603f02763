"""DiTTransformer2DModel."""

from diffusers import DiTTransformer2DModel
from family import case
from patches import make_input  # noqa: F401

CLASS = "DiTTransformer2DModel"


def build(config):
    return DiTTransformer2DModel.from_config(config)


def call(module, inputs):
    return {"": module(inputs["hidden_states"], timestep=inputs["timestep"], class_labels=inputs["class_labels"]).sample}


def HOOKS(module):
    """The first block tells the embedding that it makes; the output is put together from patches after its last module."""
    made = []
    module.transformer_blocks[0].norm1.emb.register_forward_hook(lambda _module, _inputs, output: made.append(output))
    return {"transformer_blocks.0": ("transformer_blocks.0", lambda output: [output, made[-1]]), "proj_out": None}


XL = {
    "num_attention_heads": 16,
    "attention_head_dim": 72,
    "in_channels": 4,
    "out_channels": 8,
    "num_layers": 28,
    "dropout": 0.0,
    "norm_num_groups": 32,
    "attention_bias": True,
    "sample_size": 32,
    "patch_size": 2,
    "activation_fn": "gelu-approximate",
    "num_embeds_ada_norm": 1000,
    "upcast_attention": False,
    "norm_type": "ada_norm_zero",
    "norm_elementwise_affine": False,
}

FULL = {"XL/2, 256": case(XL), "XL/2, 512": case({**XL, "sample_size": 64})}

SMALL = {"num_attention_heads": 2, "attention_head_dim": 8, "out_channels": 8, "num_layers": 3, "sample_size": 8, "num_embeds_ada_norm": 10}


def small(sizes=None, **settings):
    return case({**SMALL, **settings}, sizes or {})


REDUCED = {
    "small": small(),
    "other size": small({"height": 12, "width": 12}),
    "one block": small(num_layers=1, out_channels=None),
    "patches of 4": small(patch_size=4, in_channels=3),
    "pixels": small(patch_size=1, sample_size=4),
    "affine": small(norm_elementwise_affine=True, norm_eps=1e-3, attention_bias=False),
    "gelu": small(activation_fn="gelu"),
    "geglu": small(activation_fn="geglu"),
    "geglu-approximate": small(activation_fn="geglu-approximate"),
    "swiglu": small(activation_fn="swiglu"),
    "linear-silu": small(activation_fn="linear-silu"),
}


def random_config(rng):
    choices = {
        "num_attention_heads": [1, 3, 4],
        "attention_head_dim": [4, 6, 12, 5],
        "in_channels": [1, 4, 9],
        "out_channels": [None, 4],
        "num_layers": [1, 2, 0],
        "attention_bias": [True, False],
        "sample_size": [8, 16],
        "patch_size": [1, 2, 3, 4],
        "activation_fn": ["gelu", "geglu", "tanh"],
        "num_embeds_ada_norm": [1, 7, None],
        "norm_type": ["ada_norm_zero", "layer_norm"],
        "norm_elementwise_affine": [True, False],
        "upcast_attention": [True],
        "a_setting_of_a_later_version": [1],
    }
    return {key: rng.choice(choices[key]) for key in rng.sample(sorted(choices), rng.randint(1, 5))}


REFUSED = [({"dropout": 0.1}, "dropout")]
