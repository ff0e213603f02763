"""Transformer2DModel: the class that published DiT and PixArt folders were saved with before each had its own."""

from diffusers import Transformer2DModel
from family import case
from patches import make_input  # noqa: F401

from families import dit_transformer_2d_model as dit
from families import pixart_transformer_2d_model as pixart

CLASS = "Transformer2DModel"


def build(config):
    return Transformer2DModel.from_config(config)


def call(module, inputs):
    return (pixart if module.config.norm_type == "ada_norm_single" else dit).call(module, inputs)


def HOOKS(module):
    return (pixart if module.config.norm_type == "ada_norm_single" else dit).HOOKS(module)


SINGLE = {"norm_type": "ada_norm_single"}
FULL = {
    "DiT XL/2, 256": case(dit.XL),
    "PixArt-alpha XL/2, 512": case({**pixart.ALPHA, **SINGLE, "sample_size": 64}),
    "PixArt-alpha XL/2, 1024": case({**pixart.ALPHA, **SINGLE}),
}

DIT = {**dit.SMALL, "norm_type": "ada_norm_zero", "_class_name": CLASS}
PIXART = {**pixart.SMALL, **SINGLE, "_class_name": CLASS}

REDUCED = {
    "DiT": case(DIT),
    "PixArt": case(PIXART, pixart.SIZES),
    "PixArt with sizes": case({**PIXART, "use_additional_conditions": True}, pixart.SIZES),
}

REFUSED = [({"norm_type": "ada_norm", "in_channels": 4, "patch_size": 2}, "norm_type")]
