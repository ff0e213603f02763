"""FluxTransformer2DModel."""

import torch
from diffusers import FluxTransformer2DModel
from family import case

CLASS = "FluxTransformer2DModel"


def build(config):
    return FluxTransformer2DModel.from_config(config)


def positions(count):
    """Any will do: those of a grid of five columns."""
    index = torch.arange(count)
    return torch.stack([torch.zeros(count), index // 5, index % 5], dim=1)


def call(module, inputs):
    given = {name: value for name, value in inputs.items() if not name.startswith("rotary")}
    text = given["encoder_hidden_states"].shape[1]
    ids = positions(text + given["hidden_states"].shape[1]).to(given["hidden_states"].device)
    return {"": module(**given, txt_ids=ids[:text], img_ids=ids[text:]).sample}


def make_input(name, shape, module, generator):
    if name.startswith("rotary"):
        return module.pos_embed(positions(shape[1]))[name == "rotary_sin"][None]
    return torch.rand(shape, generator=generator) if name in ("timestep", "guidance") else None


def HOOKS(module):
    """Blocks return the text first."""
    paths = [f"{stack}.{index}" for stack in ("transformer_blocks", "single_transformer_blocks") for index in range(len(getattr(module, stack)))]
    return {path: (path, lambda output: list(reversed(output))) for path in paths}


SCHNELL = {
    "attention_head_dim": 128,
    "axes_dims_rope": [16, 56, 56],
    "guidance_embeds": False,
    "in_channels": 64,
    "joint_attention_dim": 4096,
    "num_attention_heads": 24,
    "num_layers": 19,
    "num_single_layers": 38,
    "patch_size": 1,
    "pooled_projection_dim": 768,
}
DEV = {**SCHNELL, "guidance_embeds": True}

FULL = {
    "schnell": case(SCHNELL, {"sequenceLength": 256}),
    "dev": case(DEV),
    "dev, quantised by bitsandbytes": case({**DEV, "quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}),
    "fill": case({**DEV, "in_channels": 384, "out_channels": 64}),
    "depth": case({**DEV, "in_channels": 128, "out_channels": 64}),
}

SMALL = {
    "attention_head_dim": 16,
    "axes_dims_rope": [4, 4, 8],
    "in_channels": 8,
    "joint_attention_dim": 12,
    "num_attention_heads": 2,
    "num_layers": 2,
    "num_single_layers": 2,
    "pooled_projection_dim": 10,
}


def small(**settings):
    return case({**SMALL, **settings}, {"height": 6, "width": 4, "sequenceLength": 5})


REDUCED = {
    "small": small(),
    "guidance": small(guidance_embeds=True),
    "fill": small(in_channels=48, out_channels=8),
    "one block of each": small(num_layers=1, num_single_layers=1, num_attention_heads=3, patch_size=2),
}


def random_config(rng):
    choices = {
        "num_attention_heads": [1, 3],
        "attention_head_dim": [16, 8],
        "axes_dims_rope": [[4, 4, 8], [2, 2, 12], [3, 5, 8], [8, 8]],
        "in_channels": [4, 64, 6],
        "out_channels": [None, 4],
        "num_layers": [1, 3],
        "num_single_layers": [1, 4],
        "guidance_embeds": [True, False, None],
        "joint_attention_dim": [7],
        "pooled_projection_dim": [3],
        "patch_size": [1, 2],
        "a_setting_of_a_later_version": [1],
    }
    return {key: rng.choice(choices[key]) for key in rng.sample(sorted(choices), rng.randint(1, 4))}


REFUSED = [({"in_channels": 6}, "in_channels"), ({"out_channels": 6}, "out_channels"), ({"axes_dims_rope": [4, 4, 4]}, "axes_dims_rope")]
