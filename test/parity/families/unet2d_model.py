"""UNet2DModel."""

import torch
from diffusers import UNet2DModel
from family import case

CLASS = "UNet2DModel"


def build(config):
    return UNet2DModel.from_config(config)


def call(module, inputs):
    return {"": module(inputs["sample"], inputs["timestep"], class_labels=inputs.get("class_labels")).sample}


def make_input(name, shape, module, generator):
    # Noise levels, whose logarithm is taken.
    if name == "timestep" and module.config.time_embedding_type == "fourier":
        return torch.rand(shape, generator=generator) + 0.5
    return None


def HOOKS(module):
    """Classes are added to the timestep in their layer, and the last layer may divide its convolution's output."""
    hooks = {"class_embedding": None} if module.class_embedding is not None else {}
    return {**hooks, "conv_out": None} if module.config.time_embedding_type == "fourier" else hooks


BUTTERFLIES = {
    "block_out_channels": [128, 128, 256, 256, 512, 512],
    "down_block_types": ["DownBlock2D", "DownBlock2D", "DownBlock2D", "DownBlock2D", "AttnDownBlock2D", "DownBlock2D"],
    "sample_size": 128,
    "up_block_types": ["UpBlock2D", "AttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D"],
}
CIFAR = {
    "attention_head_dim": None,
    "block_out_channels": [128, 256, 256, 256],
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"],
    "downsample_padding": 0,
    "flip_sin_to_cos": False,
    "freq_shift": 1,
    "norm_eps": 1e-6,
    "sample_size": 32,
    "up_block_types": ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
}
LATENT = {"attention_head_dim": 32, "norm_eps": 1e-6, "sample_size": 64}
CONSISTENCY = {
    "attention_head_dim": 64,
    "attn_norm_num_groups": 32,
    "block_out_channels": [192, 384, 576, 768],
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"],
    "downsample_type": "resnet",
    "layers_per_block": 3,
    "num_class_embeds": 1000,
    "resnet_time_scale_shift": "scale_shift",
    "sample_size": 64,
    "up_block_types": ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
    "upsample_type": "resnet",
}
FULL = {
    "ddpm butterflies": case(BUTTERFLIES, parameters=113_673_219),
    "ddpm cifar10": case(CIFAR, parameters=35_746_307),
    "latent diffusion celeba": case(LATENT),
    "consistency model imagenet": case(CONSISTENCY),
}

SMALL = {
    "attention_head_dim": 8,
    "block_out_channels": [16, 32],
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "sample_size": 8,
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
}


def small(**settings):
    return case({**SMALL, **settings}, {"height": 8, "width": 4})


EVERYWHERE = {"down_block_types": ["AttnDownBlock2D"] * 2, "up_block_types": ["AttnUpBlock2D"] * 2}
REDUCED = {
    "small": small(),
    "one head": small(attention_head_dim=None, mid_block_scale_factor=1.4, downsample_padding=0, act_fn="gelu"),
    "resnets change resolution": small(**EVERYWHERE, downsample_type="resnet", upsample_type="resnet"),
    "scale and shift": small(**EVERYWHERE, resnet_time_scale_shift="scale_shift"),
    "scale and shift, norm": small(resnet_time_scale_shift="scale_shift", attn_norm_num_groups=2, mid_block_scale_factor=2),
    "no attention in the middle": small(add_attention=False, center_input_sample=True),
    "no middle": small(mid_block_type=None, in_channels=4, out_channels=6),
    "fourier": small(time_embedding_type="fourier"),
    "learned": small(time_embedding_type="learned", num_train_timesteps=20, num_class_embeds=6),
    "classes as timesteps": small(class_embed_type="timestep", freq_shift=1, flip_sin_to_cos=False),
    "classes as embeddings": small(class_embed_type="identity"),
}


def random_config(rng):
    levels = rng.randint(1, 3)
    settings = {
        "block_out_channels": [rng.choice([8, 16, 24]) for _ in range(levels)],
        "down_block_types": [rng.choice(["DownBlock2D", "AttnDownBlock2D"]) for _ in range(levels)],
        "up_block_types": [rng.choice(["UpBlock2D", "AttnUpBlock2D"]) for _ in range(levels)],
    }
    choices = {
        "layers_per_block": [1, 2, 0],
        "attention_head_dim": [None, 4, 3],
        "attn_norm_num_groups": [None, 2, 5],
        "norm_num_groups": [2, 8, None],
        "resnet_time_scale_shift": ["default", "scale_shift", "spatial"],
        "add_attention": [True, False, None],
        "mid_block_type": ["UNetMidBlock2D", None],
        "downsample_type": ["conv", "resnet", None],
        "upsample_type": ["conv", "resnet", "fir"],
        "time_embedding_type": ["positional", "fourier", "learned"],
        "time_embedding_dim": [None, 12],
        "num_class_embeds": [None, 3],
        "class_embed_type": [None, "identity", "timestep"],
        "act_fn": ["silu", "mish", "none"],
    }
    for key in rng.sample(sorted(choices), rng.randint(0, 5)):
        settings[key] = rng.choice(choices[key])
    return settings


REFUSED = [
    ({"dropout": 0.1}, "dropout"),
    ({"down_block_types": ["DownBlock2D", "SkipDownBlock2D"]}, "down_block_types"),
    ({"downsample_type": "fir"}, "downsample_type"),
]
