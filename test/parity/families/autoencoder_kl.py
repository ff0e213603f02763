"""AutoencoderKL, encoder half."""

import json

from conftest import FIXTURES, ROOT
from diffusers import AutoencoderKL
from family import case

CLASS = "AutoencoderKL"
UNUSED = ("decoder.", "post_quant_conv.")


def fixture(name):
    return json.loads((FIXTURES / name / "vae" / "config.json").read_text())


def build(config):
    return AutoencoderKL.from_config(config)


def call(module, inputs):
    moments = module.encoder(inputs["sample"])
    return {"": module.quant_conv(moments) if module.quant_conv is not None else moments}


FULL = {"stable-diffusion-1-5": case(fixture("stable-diffusion-1-5"), parameters=34_163_664)}

SMALL = fixture("small")
SIZES = {"height": 24, "width": 16}


def small(**settings):
    return case({**SMALL, **settings}, SIZES)


REDUCED = {
    "small": small(),
    "sample": case(json.loads((ROOT / "media/sample/model/vae/config.json").read_text())),
    "without attention": small(mid_block_add_attention=False, use_quant_conv=False, layers_per_block=2, act_fn="gelu"),
    "deep": small(block_out_channels=[8, 16, 24], down_block_types=["DownEncoderBlock2D"] * 3, up_block_types=["UpDecoderBlock2D"] * 3),
}


def random_config(rng):
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


REFUSED = [({"down_block_types": ["DownEncoderBlock2D", "AttnDownEncoderBlock2D"]}, "down_block_types")]
