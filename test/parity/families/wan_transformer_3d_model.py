"""WanTransformer3DModel."""

import torch
from diffusers import WanTransformer3DModel
from family import case
from patches import latents_of, remember

CLASS = "WanTransformer3DModel"


def build(config):
    return WanTransformer3DModel.from_config(config)


def call(module, inputs):
    given = {name: value for name, value in inputs.items() if not name.startswith("rotary")}
    if module.config.pos_embed_seq_len is not None:
        # The first and the last image of a sample come as two samples.
        image = given["encoder_hidden_states_image"]
        given["encoder_hidden_states_image"] = image.reshape(2 * image.shape[0], -1, image.shape[2])
    return {"": module(**given).sample}


def make_input(name, shape, module, generator):
    remember(name, shape, module)
    if name.startswith("rotary"):
        tables = module.rope(torch.empty(latents_of(module), device="meta"))
        return tables[name == "rotary_sin"][:, :, 0]
    return torch.rand(shape, generator=generator) * 1000 if name == "timestep" else None


def HOOKS(_module):
    return {"patch_embedding": ("patch_embedding", lambda output: [output.flatten(2).transpose(1, 2)]), "proj_out": None}


SMALLER = {
    "attention_head_dim": 128,
    "cross_attn_norm": True,
    "eps": 1e-6,
    "ffn_dim": 8960,
    "freq_dim": 256,
    "in_channels": 16,
    "num_attention_heads": 12,
    "num_layers": 30,
    "out_channels": 16,
    "patch_size": [1, 2, 2],
    "qk_norm": "rms_norm_across_heads",
    "rope_max_seq_len": 1024,
    "text_dim": 4096,
}
LARGER = {**SMALLER, "ffn_dim": 13824, "num_attention_heads": 40, "num_layers": 40}
IMAGE = {**LARGER, "in_channels": 36, "image_dim": 1280, "added_kv_proj_dim": 5120}

FULL = {
    "2.1 text to video 1.3B": case(SMALLER),
    "2.1 text to video 14B": case(LARGER),
    "2.1 image to video 14B": case(IMAGE),
    "2.1 first and last frame 14B": case({**IMAGE, "pos_embed_seq_len": 514}),
    "2.2 5B": case({**LARGER, "in_channels": 48, "out_channels": 48, "ffn_dim": 14336, "num_attention_heads": 24, "num_layers": 30}),
}

SMALL = {
    "attention_head_dim": 16,
    "ffn_dim": 40,
    "freq_dim": 20,
    "in_channels": 4,
    "num_attention_heads": 2,
    "num_layers": 2,
    "out_channels": 4,
    "rope_max_seq_len": 16,
    "text_dim": 12,
}
SIZES = {"frames": 3, "height": 6, "width": 4, "sequenceLength": 7}


def small(sizes=None, **settings):
    return case({**SMALL, **settings}, {**SIZES, **(sizes or {})})


WITH_IMAGE = {"image_dim": 12, "added_kv_proj_dim": 32}
REDUCED = {
    "small": small(),
    "without a norm before the text": small(cross_attn_norm=False, eps=1e-3),
    "patches of frames": small({"frames": 4, "height": 6, "width": 8}, patch_size=[2, 3, 4], out_channels=None, attention_head_dim=10),
    "image": small({"sequenceLength": 512}, **WITH_IMAGE, in_channels=9),
    "first and last image": small({"sequenceLength": 512}, **WITH_IMAGE, pos_embed_seq_len=514),
}


def random_config(rng):
    choices = {
        "num_attention_heads": [1, 3],
        "attention_head_dim": [8, 12, 7],
        "in_channels": [1, 36],
        "out_channels": [None, 8],
        "ffn_dim": [7],
        "freq_dim": [6, 9],
        "text_dim": [5],
        "num_layers": [1, 3],
        "patch_size": [[1, 1, 1], [1, 2, 2], [3, 3, 4], [1, 2]],
        "cross_attn_norm": [True, False],
        "qk_norm": [None, "rms_norm"],
        "image_dim": [None, 6],
        "rope_max_seq_len": [4, 2],
        "a_setting_of_a_later_version": [1],
    }
    return {key: rng.choice(choices[key]) for key in rng.sample(sorted(choices), rng.randint(1, 5))}


REFUSED = [({"image_dim": 10}, "added_kv_proj_dim"), ({"added_kv_proj_dim": 32}, "image_dim"), ({"image_dim": 10, "added_kv_proj_dim": 16}, "added_kv_proj_dim"), ({"freq_dim": 9}, "freq_dim")]
