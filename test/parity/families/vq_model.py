"""Quantised autoencoders (latent diffusion, Kandinsky 2's attention on the way down), encoder half."""

import image_autoencoder
from diffusers import VQModel
from family import case

CLASS = "VQModel"
UNUSED = image_autoencoder.UNUSED
call = image_autoencoder.call
FULL = {
    "ldm-celebahq-256": case(
        {
            "block_out_channels": [128, 256, 512], "down_block_types": ["DownEncoderBlock2D"] * 3, "up_block_types": ["UpDecoderBlock2D"] * 3,
            "layers_per_block": 2, "latent_channels": 3, "num_vq_embeddings": 8192,
        },
    ),
}
SMALL = {
    "block_out_channels": [8, 16], "down_block_types": ["DownEncoderBlock2D"] * 2, "up_block_types": ["UpDecoderBlock2D"] * 2, "latent_channels": 3,
    "norm_num_groups": 4, "num_vq_embeddings": 9,
}
REDUCED = {
    "small": case(SMALL, image_autoencoder.SIZES),
    "own width": case({**SMALL, "vq_embed_dim": 5, "mid_block_add_attention": False}, image_autoencoder.SIZES),
    "attention": case({**SMALL, "down_block_types": ["DownEncoderBlock2D", "AttnDownEncoderBlock2D"]}, image_autoencoder.SIZES),
}


def build(config):
    return VQModel.from_config(config)
