"""The autoencoder with a larger decoder for inpainting, encoder half."""

import image_autoencoder
from diffusers import AsymmetricAutoencoderKL
from family import case

CLASS = "AsymmetricAutoencoderKL"
UNUSED = image_autoencoder.UNUSED
call = image_autoencoder.call
BLOCKS = {"down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4}
FULL = {
    "x-1-5": case(
        {
            **BLOCKS, "down_block_out_channels": [128, 256, 512, 512], "layers_per_down_block": 2, "up_block_out_channels": [192, 384, 768, 768], "layers_per_up_block": 3,
            "latent_channels": 4, "norm_num_groups": 32,
        },
        parameters=34_163_664,
    ),
}
SMALL = {
    "down_block_types": ["DownEncoderBlock2D"] * 2, "up_block_types": ["UpDecoderBlock2D"] * 2, "down_block_out_channels": [8, 16], "up_block_out_channels": [16, 16],
    "layers_per_down_block": 2, "latent_channels": 3, "norm_num_groups": 4,
}
REDUCED = {"small": case(SMALL, image_autoencoder.SIZES), "gelu": case({**SMALL, "act_fn": "gelu", "in_channels": 1}, image_autoencoder.SIZES)}


def build(config):
    return AsymmetricAutoencoderKL.from_config(config)
