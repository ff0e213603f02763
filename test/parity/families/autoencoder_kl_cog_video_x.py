"""CogVideoX's autoencoder, encoder half, on clips that diffusers encodes in one piece."""

from diffusers import AutoencoderKLCogVideoX
from family import case

CLASS = "AutoencoderKLCogVideoX"
UNUSED = ("decoder.", "post_quant_conv.")
BLOCK = "CogVideoXDownBlock3D"
FULL = {
    "cogvideox-2b": case(
        {"block_out_channels": [128, 256, 256, 512], "down_block_types": [BLOCK] * 4, "up_block_types": ["CogVideoXUpBlock3D"] * 4, "latent_channels": 16, "layers_per_block": 3, "norm_eps": 1e-6},
        {"height": 480, "width": 720, "frames": 9},
    ),
}
SMALL = {
    "block_out_channels": [8, 16, 16], "down_block_types": [BLOCK] * 3, "up_block_types": ["CogVideoXUpBlock3D"] * 3, "latent_channels": 3, "layers_per_block": 1, "norm_num_groups": 4,
}
SIZES = {"height": 16, "width": 24, "frames": 9}


def small(sizes=SIZES, **settings):
    return case({**SMALL, **settings}, sizes)


REDUCED = {
    "small": small(),
    "halved once": small({**SIZES, "frames": 3}, temporal_compression_ratio=2, layers_per_block=2, act_fn="gelu"),
    "not halved": small({**SIZES, "frames": 4}, temporal_compression_ratio=1, norm_eps=1e-2),
    "quantised": small(use_quant_conv=True, latent_channels=4, out_channels=4),
    "one level": small({**SIZES, "frames": 3}, block_out_channels=[8], down_block_types=[BLOCK], up_block_types=["CogVideoXUpBlock3D"]),
}
REFUSED = [({"use_quant_conv": True, "out_channels": 5}, "out_channels")]


def build(config):
    return AutoencoderKLCogVideoX.from_config(config)


def call(module, inputs):
    return {"": module._encode(inputs["sample"])}


def random_config(rng):
    levels = rng.randint(1, 3)
    choices = {
        "block_out_channels": [[rng.choice([8, 16]) for _ in range(rng.choice([levels, 3]))]], "down_block_types": [[BLOCK] * levels], "up_block_types": [["CogVideoXUpBlock3D"] * levels],
        "layers_per_block": [1, 2, 0], "norm_num_groups": [1, 4, 5], "temporal_compression_ratio": [1, 2, 3, 4, 8], "act_fn": ["silu", "mish", "nothing"], "use_quant_conv": [False, True],
    }
    settings = {key: rng.choice(choices[key]) for key in rng.sample(sorted(choices), rng.randint(1, 4))}
    if rng.random() < 0.7 and {"block_out_channels", "down_block_types", "up_block_types"} & settings.keys():
        widths = [rng.choice([8, 16]) for _ in range(levels)]
        settings.update(block_out_channels=widths, down_block_types=[BLOCK] * levels, up_block_types=["CogVideoXUpBlock3D"] * levels)
    return settings
