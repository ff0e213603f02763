"""UNet2DConditionModel."""

import json

import torch
from conftest import FIXTURES, ROOT
from diffusers import UNet2DConditionModel
from family import case

CLASS = "UNet2DConditionModel"


def fixture(name):
    return json.loads((FIXTURES / name / "unet" / "config.json").read_text())


def build(config):
    return UNet2DConditionModel.from_config(config)


def call(module, inputs):
    residuals = [inputs[name] for name in inputs if name.startswith("down_block_additional_residuals.")]
    output = module(
        inputs["sample"],
        inputs["timestep"],
        inputs.get("encoder_hidden_states"),
        class_labels=inputs.get("class_labels"),
        timestep_cond=inputs.get("timestep_cond"),
        added_cond_kwargs={name: inputs[name] for name in ("text_embeds", "time_ids", "image_embeds", "hint") if name in inputs},
        down_block_additional_residuals=residuals or None,
        mid_block_additional_residual=inputs.get("mid_block_additional_residual"),
    )
    return {"": output.sample}


def make_input(name, shape, module, generator):
    if name == "time_ids":
        return torch.randint(0, 1024, shape, generator=generator).float()
    return None


def HOOKS(module):
    """Embeddings are added to the timestep's in the layer that makes them; an activation of the whole changes the last of them."""
    names = [name for name in ("class_embedding", "add_embedding") if getattr(module, name, None) is not None]
    return dict.fromkeys(names)


# Settings of well-known models, as their authors published them.
XL = {
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "attention_head_dim": [5, 10, 20],
    "block_out_channels": [320, 640, 1280],
    "cross_attention_dim": 2048,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "projection_class_embeddings_input_dim": 2816,
    "sample_size": 128,
    "transformer_layers_per_block": [1, 2, 10],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "use_linear_projection": True,
}
REFINER = {
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "attention_head_dim": [6, 12, 24, 24],
    "block_out_channels": [384, 768, 1536, 1536],
    "cross_attention_dim": 1280,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    "projection_class_embeddings_input_dim": 2560,
    "sample_size": 128,
    "transformer_layers_per_block": 4,
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "use_linear_projection": True,
}
SIMPLE = {
    "act_fn": "gelu",
    "attention_head_dim": 64,
    "cross_attention_norm": "group_norm",
    "down_block_types": ["ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D", "SimpleCrossAttnDownBlock2D", "SimpleCrossAttnDownBlock2D"],
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "resnet_skip_time_act": True,
    "resnet_time_scale_shift": "scale_shift",
    "time_embedding_act_fn": "gelu",
    "up_block_types": ["SimpleCrossAttnUpBlock2D", "SimpleCrossAttnUpBlock2D", "SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"],
}
# DeepFloyd IF, base of medium size, and its super-resolution stage.
IF = {
    **SIMPLE,
    "addition_embed_type": "text",
    "block_out_channels": [192, 384, 576, 768],
    "cross_attention_dim": 768,
    "encoder_hid_dim": 4096,
    "in_channels": 3,
    "layers_per_block": 3,
    "out_channels": 6,
    "sample_size": 64,
    "addition_embed_type_num_heads": 64,
}
IF_SUPER = {
    **IF,
    "block_out_channels": [128, 256, 512, 768],
    "class_embed_type": "timestep",
    "cross_attention_dim": 512,
    "cross_attention_norm": None,
    "in_channels": 6,
    "layers_per_block": [2, 3, 3, 5],
    "resnet_out_scale_factor": 1.41421356,
    "mid_block_scale_factor": 1.41421356,
    "mid_block_only_cross_attention": True,
    "only_cross_attention": [True, True, True, False],
    "resnet_skip_time_act": False,
    "time_embedding_act_fn": None,
    "sample_size": 256,
}
KANDINSKY = {
    **{key: value for key, value in SIMPLE.items() if key not in ("cross_attention_norm", "resnet_skip_time_act", "time_embedding_act_fn", "act_fn")},
    "addition_embed_type": "image",
    "block_out_channels": [384, 768, 1152, 1536],
    "cross_attention_dim": 768,
    "encoder_hid_dim": 1280,
    "encoder_hid_dim_type": "image_proj",
    "layers_per_block": 3,
    "out_channels": 8,
    "sample_size": 64,
}
UPSCALER = {
    **fixture("stable-diffusion-2-1"),
    "attention_head_dim": 8,
    "block_out_channels": [256, 512, 512, 1024],
    "cross_attention_dim": 1024,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "in_channels": 7,
    "num_class_embeds": 1000,
    "only_cross_attention": [True, True, True, False],
    "sample_size": 128,
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
}

FULL = {
    "stable-diffusion-1-5": case(fixture("stable-diffusion-1-5"), parameters=859_520_964),
    "stable-diffusion-2-1": case(fixture("stable-diffusion-2-1"), parameters=865_910_724),
    "stable-diffusion-2-1, controlled": case(fixture("stable-diffusion-2-1"), controlled=True, parameters=865_910_724),
    "stable-diffusion-2 inpainting": case({**fixture("stable-diffusion-2-1"), "in_channels": 9}),
    "stable-diffusion x4 upscaler": case(UPSCALER),
    "stable-diffusion-2-1 unclip": case({**fixture("stable-diffusion-2-1"), "class_embed_type": "projection", "projection_class_embeddings_input_dim": 2048}),
    "stable-diffusion-xl": case(XL, parameters=2_567_463_684),
    "stable-diffusion-xl refiner": case(REFINER),
    "ssd-1b": case({**XL, "mid_block_type": "UNetMidBlock2D", "transformer_layers_per_block": [0, [2, 2], [4, 4]], "reverse_transformer_layers_per_block": [[4, 4, 10], [2, 1, 1], 0]}),
    "lcm": case({**fixture("stable-diffusion-1-5"), "time_cond_proj_dim": 256}),
    "deepfloyd if": case(IF),
    "deepfloyd if super-resolution": case(IF_SUPER),
    "kandinsky 2.1": case({**KANDINSKY, "addition_embed_type": "text_image", "encoder_hid_dim": 1024, "encoder_hid_dim_type": "text_image_proj"}),
    "kandinsky 2.2": case(KANDINSKY),
    "kandinsky 2.2 controlnet": case({**KANDINSKY, "addition_embed_type": "image_hint", "in_channels": 8}),
}

SMALL = fixture("small")
SIZES = {"height": 8, "width": 4, "sequenceLength": 10}


def small(**settings):
    return case({**SMALL, **settings}, SIZES)


def simple(**settings):
    return small(
        down_block_types=["ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"],
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=["SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"],
        **settings,
    )


DEEP = {
    "block_out_channels": [16, 24, 40],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "attention_head_dim": [3, 5, 3],
}
REDUCED = {
    "small": small(),
    "sample": case(json.loads((ROOT / "media/sample/model/unet/config.json").read_text())),
    "linear projection": small(use_linear_projection=True, attention_head_dim=[2, 8], transformer_layers_per_block=2),
    "uneven": case({**SMALL, **DEEP, "layers_per_block": [1, 2, 1], "transformer_layers_per_block": [1, 2, 1]}, SIZES),
    "nested depths": case(
        {**SMALL, **DEEP, "transformer_layers_per_block": [0, [2], [1]], "reverse_transformer_layers_per_block": [0, [2, 1], 3]}, SIZES
    ),
    "no depth": small(transformer_layers_per_block=0),
    "time": small(flip_sin_to_cos=False, freq_shift=1, time_embedding_dim=20, act_fn="gelu", norm_eps=1e-3),
    "time activations": small(timestep_post_act="gelu", time_embedding_act_fn="mish", time_cond_proj_dim=6),
    "fourier": small(time_embedding_type="fourier"),
    "padding": small(downsample_padding=0, mid_block_scale_factor=1.5, conv_in_kernel=1, conv_out_kernel=5, act_fn="mish"),
    "plain middle": small(mid_block_type="UNetMidBlock2D", act_fn="relu"),
    "no middle": small(mid_block_type=None),
    "inpainting": small(in_channels=9, center_input_sample=True),
    "scale and shift": small(resnet_time_scale_shift="scale_shift"),
    "only cross-attention": small(only_cross_attention=[True, False], down_block_types=["CrossAttnDownBlock2D"] * 2, up_block_types=["CrossAttnUpBlock2D"] * 2),
    "pixel attention": small(down_block_types=["DownBlock2D", "AttnDownBlock2D"], up_block_types=["AttnUpBlock2D", "UpBlock2D"], attention_head_dim=8),
    "classes": small(num_class_embeds=7),
    "classes as timesteps": small(class_embed_type="timestep", class_embeddings_concat=True),
    "classes as embeddings": small(class_embed_type="identity", time_embedding_act_fn="silu"),
    "projected classes": small(class_embed_type="projection", projection_class_embeddings_input_dim=10),
    "simply projected classes": small(class_embed_type="simple_projection", projection_class_embeddings_input_dim=10),
    "text and sizes": small(addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=80),
    "text": small(addition_embed_type="text", addition_embed_type_num_heads=4, encoder_hid_dim=12, num_class_embeds=5),
    "text and image": small(addition_embed_type="text_image", encoder_hid_dim=12, encoder_hid_dim_type="text_image_proj"),
    "image": small(addition_embed_type="image", encoder_hid_dim=12, encoder_hid_dim_type="image_proj"),
    "image and hint": small(addition_embed_type="image_hint", encoder_hid_dim=12, encoder_hid_dim_type="image_proj", in_channels=8),
    "simple": simple(),
    "simple, scaled": simple(resnet_time_scale_shift="scale_shift", resnet_skip_time_act=True, resnet_out_scale_factor=1.4, mid_block_scale_factor=1.4, time_embedding_act_fn="gelu"),
    "simple, only cross-attention": simple(only_cross_attention=True, cross_attention_norm="group_norm", cross_attention_dim=64),
    "simple, context norm": simple(cross_attention_norm="layer_norm", cross_attention_dim=32, mid_block_only_cross_attention=True),
    "controlled": case(SMALL, SIZES, controlled=True),
    "controlled, deep": case({**SMALL, **DEEP}, SIZES, controlled=True),
}


def random_config(rng):
    levels = rng.randint(1, 3)
    down = ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "SimpleCrossAttnDownBlock2D", "ResnetDownsampleBlock2D", "AttnDownBlock2D"]
    settings = {
        "norm_num_groups": 4,
        "block_out_channels": [rng.choice([8, 16, 20, 24, 40]) for _ in range(levels)],
        "down_block_types": [rng.choice(down) for _ in range(levels)],
        "up_block_types": [rng.choice(down).replace("Downsample", "Upsample").replace("Down", "Up") for _ in range(levels)],
    }
    choices = {
        "layers_per_block": [1, 1, 2, [rng.randint(1, 3) for _ in range(levels)], [1, 2], 0],
        "attention_head_dim": [2, 4, 4, 8, [rng.choice([1, 2, 3, 5]) for _ in range(levels)], [2, 2], 100],
        "transformer_layers_per_block": [1, 2, [rng.randint(1, 2) for _ in range(levels)]],
        "norm_num_groups": [1, 2, 4, 4, 4, 8, 7, None],
        "cross_attention_dim": [24, [24] * levels, 32],
        "use_linear_projection": [True, False, None],
        "mid_block_type": ["UNetMidBlock2DCrossAttn", "UNetMidBlock2D", None, "UNetMidBlock2DSimpleCrossAttn"],
        "cross_attention_norm": [None, "layer_norm", "group_norm"],
        "downsample_padding": [0, 1, 2],
        "mid_block_scale_factor": [1, 1.4, 0],
        "act_fn": ["silu", "SiLU", "swish", "mish", "gelu", "relu", "tanh"],
        "time_embedding_dim": [None, 12, 64],
        "conv_in_kernel": [1, 3, 5, 4],
        "in_channels": [4, 9, 3],
        "only_cross_attention": [False, [False] * levels, True],
        "num_attention_heads": [None, 4],
        "upcast_attention": [None, True],
        "class_embed_type": [None, "timestep", "identity", "projection", "other"],
        "projection_class_embeddings_input_dim": [None, 40],
        "class_embeddings_concat": [True, False],
        "addition_embed_type": [None, "text", "text_image", "image", "text_time"],
        "addition_embed_type_num_heads": [4, 7],
        "addition_time_embed_dim": [4, 5],
        "encoder_hid_dim": [None, 8],
        "encoder_hid_dim_type": [None, "text_proj", "image_proj"],
        "mid_block_only_cross_attention": [True, False],
        "reverse_transformer_layers_per_block": [None, [1] * levels, [[1, 2, 3, 4]] * levels],
        "resnet_skip_time_act": [True, False],
        "resnet_out_scale_factor": [1, 2],
        "time_embedding_type": ["positional", "fourier"],
        "resnet_time_scale_shift": ["default", "scale_shift"],
        "freq_shift": [0, 1],
        "a_setting_of_a_later_version": [1],
    }
    for key in rng.sample(sorted(choices), rng.randint(0, 7)):
        settings[key] = rng.choice(choices[key])
    return settings


REFUSED = [
    ({"dropout": 0.1}, "dropout"),
    ({"attention_type": "gated"}, "attention_type"),
    ({"dual_cross_attention": True}, "dual_cross_attention"),
    ({"down_block_types": ["KDownBlock2D", "DownBlock2D"]}, "down_block_types"),
]
