"""AutoencoderKL, encoder half."""

import json

import image_autoencoder
from conftest import FIXTURES, ROOT
from diffusers import AutoencoderKL
from family import case

CLASS = "AutoencoderKL"
UNUSED = image_autoencoder.UNUSED
call = image_autoencoder.call


def fixture(name):
    return json.loads((FIXTURES / name / "vae" / "config.json").read_text())


def build(config):
    return AutoencoderKL.from_config(config)


LARGE = fixture("stable-diffusion-1-5")
FULL = {
    "stable-diffusion-1-5": case(LARGE, parameters=34_163_664),
    "stable-diffusion-xl": case({**LARGE, "sample_size": 1024, "scaling_factor": 0.13025}, parameters=34_163_664),
    "stable-diffusion-3": case({**LARGE, "latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False, "shift_factor": 0.0609, "scaling_factor": 1.5305}),
    "flux": case({**LARGE, "latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False, "shift_factor": 0.1159, "scaling_factor": 0.3611}),
}

SMALL = fixture("small")
SIZES = image_autoencoder.SIZES


def small(**settings):
    return case({**SMALL, **settings}, SIZES)


REDUCED = {
    "small": small(),
    "sample": case(json.loads((ROOT / "media/sample/model/vae/config.json").read_text())),
    "without attention": small(mid_block_add_attention=False, use_quant_conv=False, layers_per_block=2, act_fn="gelu"),
    "deep": small(block_out_channels=[8, 16, 24], down_block_types=["DownEncoderBlock2D"] * 3, up_block_types=["UpDecoderBlock2D"] * 3),
    "attention on the way": small(down_block_types=["AttnDownEncoderBlock2D", "DownEncoderBlock2D"], layers_per_block=2),
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


REFUSED = [({"down_block_types": ["DownEncoderBlock2D", "DownBlock2D"]}, "down_block_types")]
