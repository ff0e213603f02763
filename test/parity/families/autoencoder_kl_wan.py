"""Wan's autoencoders (2.1, and 2.2 with patches and shortcuts), encoder half, on whole clips."""

import types

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import WanResample, patchify
from family import case

CLASS = "AutoencoderKLWan"
UNUSED = ("decoder.", "post_quant_conv.")
RESIDUAL = {
    "base_dim": 160, "z_dim": 48, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 2, "attn_scales": [], "temperal_downsample": [False, True, True], "is_residual": True,
    "in_channels": 12, "out_channels": 12, "patch_size": 2, "decoder_base_dim": 256, "scale_factor_spatial": 16, "latents_mean": [0.0] * 48, "latents_std": [1.0] * 48,
}
FULL = {
    "wan-2.1": case({"base_dim": 96, "z_dim": 16, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 2, "attn_scales": [], "temperal_downsample": [False, True, True]}, {"height": 480, "width": 832, "frames": 9}),
    "wan-2.2": case(RESIDUAL, {"height": 704, "width": 1280, "frames": 9}),
}
SMALL = {"base_dim": 6, "z_dim": 3, "dim_mult": [1, 2, 2], "num_res_blocks": 1, "temperal_downsample": [True, True]}
SIZES = {"height": 16, "width": 24, "frames": 9}


def small(sizes=SIZES, **settings):
    return case({**SMALL, **settings}, sizes)


REDUCED = {
    "small": small(),
    "time once": small({**SIZES, "frames": 5}, temperal_downsample=[False, True], num_res_blocks=2),
    "time whole": small({**SIZES, "frames": 5}, temperal_downsample=[False, False]),
    "residual": small(is_residual=True, patch_size=2, in_channels=12, out_channels=12, scale_factor_spatial=8),
    "residual, time last": small({**SIZES, "frames": 5}, is_residual=True, temperal_downsample=[False, True], num_res_blocks=2),
}
REFUSED = [({"dropout": 0.1}, "dropout"), ({"attn_scales": [0.5]}, "attn_scales"), ({"dim_mult": [1, 1, 1, 1], "temperal_downsample": [True] * 3}, "temperal_downsample")]


def random_config(rng):
    levels = rng.randint(1, 3)
    choices = {
        "dim_mult": [[rng.choice([1, 2, 4]) for _ in range(levels)]], "temperal_downsample": [[rng.random() < 0.5 for _ in range(rng.choice([2, 2, 1]))]], "num_res_blocks": [1, 2, 0],
        "is_residual": [True, False], "z_dim": [1, 5], "base_dim": [4, 6],
    }
    return {key: rng.choice(choices[key]) for key in rng.sample(sorted(choices), rng.randint(1, 5))}


def whole(self, video):
    """diffusers' WanResample on a whole clip: without its cache of pieces it leaves the time convolution out."""
    batch, channels, frames = video.shape[:3]
    images = self.resample(video.permute(0, 2, 1, 3, 4).flatten(0, 1))
    video = images.unflatten(0, (batch, frames)).permute(0, 2, 1, 3, 4)
    return torch.cat([video[:, :, :1], self.time_conv(video)], 2) if self.mode == "downsample3d" else video


def build(config):
    module = AutoencoderKLWan.from_config(config)
    for part in module.encoder.modules():
        if isinstance(part, WanResample):
            part.forward = types.MethodType(lambda self, video, feat_cache=None, feat_idx=None: whole(self, video), part)
    return module


def call(module, inputs):
    """The whole clip at once; where there are values, it must be what diffusers makes of its pieces."""
    video = inputs["sample"]
    patches = video if module.config.patch_size is None else patchify(video, module.config.patch_size)
    moments = module.quant_conv(module.encoder(patches))
    if not video.is_meta:
        pieces = AutoencoderKLWan.from_config(module.config).eval()
        pieces.load_state_dict(module.state_dict())
        torch.testing.assert_close(moments, pieces._encode(video), rtol=1e-4, atol=1e-4)
    return {"": moments}


def HOOKS(module):
    """A level's output is what its shortcut is added to."""
    if not module.config.is_residual:
        return {}
    hooks = {}
    for level, block in enumerate(module.encoder.down_blocks):
        path = f"encoder.down_blocks.{level}"
        hooks[f"{path}.{'avg_shortcut' if block.downsampler is None else 'downsampler'}"] = (path, lambda output: [output])
    return hooks
