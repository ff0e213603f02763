"""TAESD and TAESDXL, encoder half."""

import image_autoencoder
from diffusers import AutoencoderTiny
from family import case

CLASS = "AutoencoderTiny"
UNUSED = image_autoencoder.UNUSED
call = image_autoencoder.call
FULL = {"taesd": case({"act_fn": "relu", "latent_channels": 4}), "taef1": case({"latent_channels": 16})}
SMALL = {
    "encoder_block_out_channels": [8, 8], "num_encoder_blocks": [1, 2], "decoder_block_out_channels": [8, 8], "num_decoder_blocks": [1, 1],
}
REDUCED = {
    "small": case(SMALL, image_autoencoder.SIZES),
    "gelu": case({**SMALL, "act_fn": "gelu", "num_encoder_blocks": [2, 0], "latent_channels": 5, "in_channels": 1}, image_autoencoder.SIZES),
}


def build(config):
    return AutoencoderTiny.from_config(config)


def random_config(rng):
    levels = rng.randint(1, 3)
    width = rng.choice([4, 8])
    choices = {
        "act_fn": ["relu", "silu", "nothing"], "latent_channels": [1, 5], "in_channels": [1, 3],
        "num_encoder_blocks": [[rng.choice([0, 1, 2]) for _ in range(rng.choice([levels, levels, 2]))]], "encoder_block_out_channels": [[width] * levels, [width] * levels, [4, 8]],
    }
    return {key: rng.choice(choices[key]) for key in rng.sample(sorted(choices), rng.randint(1, 5))}
