"""Stable Video Diffusion's autoencoder, encoder half."""

import image_autoencoder
from diffusers import AutoencoderKLTemporalDecoder
from family import case

CLASS = "AutoencoderKLTemporalDecoder"
UNUSED = image_autoencoder.UNUSED
call = image_autoencoder.call
WIDTHS = [128, 256, 512, 512]
FULL = {"stable-video-diffusion": case({"block_out_channels": WIDTHS, "down_block_types": ["DownEncoderBlock2D"] * 4, "layers_per_block": 2, "latent_channels": 4}, parameters=34_163_664)}
REDUCED = {"small": case({"block_out_channels": [32, 64], "down_block_types": ["DownEncoderBlock2D"] * 2, "layers_per_block": 1, "latent_channels": 3}, image_autoencoder.SIZES)}


def build(config):
    return AutoencoderKLTemporalDecoder.from_config(config)
