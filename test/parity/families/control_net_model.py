"""ControlNetModel."""

import json

from conftest import FIXTURES
from diffusers import ControlNetModel
from family import case
from families import unet2d_condition_model as unet

CLASS = "ControlNetModel"
# Of a UNet's settings, those that a ControlNet has too.
SHARED = {
    "act_fn", "addition_embed_type", "addition_time_embed_dim", "attention_head_dim", "block_out_channels", "cross_attention_dim", "down_block_types",
    "downsample_padding", "in_channels", "layers_per_block", "norm_eps", "norm_num_groups", "projection_class_embeddings_input_dim",
    "transformer_layers_per_block", "use_linear_projection",
}  # fmt: skip


def of_unet(config, **settings):
    return {**{key: value for key, value in config.items() if key in SHARED}, **settings}


def build(config):
    return ControlNetModel.from_config(config)


def call(module, inputs):
    down, middle = module(
        inputs["sample"],
        inputs["timestep"],
        inputs["encoder_hidden_states"],
        inputs["controlnet_cond"],
        class_labels=inputs.get("class_labels"),
        added_cond_kwargs={name: inputs[name] for name in ("text_embeds", "time_ids") if name in inputs},
        return_dict=False,
    )
    return {"": middle, **{f"controlnet_down_blocks.{index}": residual for index, residual in enumerate(down)}}


make_input = unet.make_input


def HOOKS(module):
    """The image's embedding is added to conv_in's output in its layer."""
    return {**unet.HOOKS(module), "controlnet_cond_embedding": None}


FULL = {
    "stable-diffusion-1-5": case(of_unet(unet.fixture("stable-diffusion-1-5")), parameters=361_279_120),
    "stable-diffusion-2-1": case(of_unet(unet.fixture("stable-diffusion-2-1"))),
    "stable-diffusion-xl": case(of_unet(unet.XL), {"height": 64, "width": 64}),
}

SMALL = of_unet(json.loads((FIXTURES / "small" / "unet" / "config.json").read_text()), conditioning_embedding_out_channels=[4, 8, 12, 16])
SIZES = {"height": 8, "width": 4, "sequenceLength": 10}


def small(**settings):
    return case({**SMALL, **settings}, SIZES)


REDUCED = {
    "small": small(),
    "text and sizes": small(addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=80, transformer_layers_per_block=[2, 0]),
    "text": small(addition_embed_type="text", addition_embed_type_num_heads=4, num_class_embeds=5),
    "gray image at twice the size": small(conditioning_channels=1, conditioning_embedding_out_channels=[4, 8]),
    "image at the same size": small(conditioning_embedding_out_channels=[6], mid_block_type="UNetMidBlock2D"),
    "projected classes": small(class_embed_type="projection", projection_class_embeddings_input_dim=10, resnet_time_scale_shift="scale_shift"),
}


def random_config(rng):
    levels = rng.randint(1, 3)
    settings = {
        "block_out_channels": [rng.choice([8, 16, 24]) for _ in range(levels)],
        "down_block_types": [rng.choice(["DownBlock2D", "CrossAttnDownBlock2D"]) for _ in range(levels)],
    }
    choices = {
        "layers_per_block": [1, 2, [1, 2]],
        "attention_head_dim": [2, [2] * levels, [4]],
        "mid_block_scale_factor": [1, 2],
        "num_class_embeds": [None, 4],
        "class_embed_type": [None, "timestep", "identity"],
        "only_cross_attention": [True, [False] * levels],
        "conditioning_embedding_out_channels": [[4], [4, 4, 8], []],
        "use_linear_projection": [True, None],
        "act_fn": ["gelu", "mish", "none"],
    }
    for key in rng.sample(sorted(choices), rng.randint(0, 4)):
        settings[key] = rng.choice(choices[key])
    return settings


REFUSED = [
    ({"controlnet_conditioning_channel_order": "bgr"}, "controlnet_conditioning_channel_order"),
    ({"global_pool_conditions": True}, "global_pool_conditions"),
    ({"encoder_hid_dim": 8}, "encoder_hid_dim"),
    ({"addition_embed_type": "text_image"}, "addition_embed_type"),
    ({"num_attention_heads": 2}, "num_attention_heads"),
]
