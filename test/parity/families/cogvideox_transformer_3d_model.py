"""CogVideoXTransformer3DModel."""

import torch
from diffusers import CogVideoXTransformer3DModel
from family import case
from patches import latents_of, remember

CLASS = "CogVideoXTransformer3DModel"


def build(config):
    return CogVideoXTransformer3DModel.from_config(config)


def call(module, inputs):
    given = {name: value for name, value in inputs.items() if name != "pos_embed" and not name.startswith("rotary")}
    tables = (inputs["rotary_cos"][0], inputs["rotary_sin"][0]) if "rotary_cos" in inputs else None
    return {"": module(**given, image_rotary_emb=tables).sample}


def make_input(name, shape, module, generator):
    remember(name, shape, module)
    if name.startswith("rotary"):
        angles = torch.arange(shape[1])[:, None] / torch.arange(1, shape[2] // 2 + 1)
        return (angles.sin() if name == "rotary_sin" else angles.cos()).repeat_interleave(2, dim=1)[None]
    if name == "pos_embed":
        embed = module.patch_embed
        frames, height, width = (latents_of(module)[axis] for axis in (1, 3, 4))
        return embed._get_positional_embeddings(height, width, (frames - 1) * embed.temporal_compression_ratio + 1).float()
    return torch.full(shape, 2.0) if name == "ofs" else None


def HOOKS(module):
    text = module.config.max_text_seq_length
    hooks = {"patch_embed": ("patch_embed", lambda output: [output[:, text:], output[:, :text]]), "proj_out": None}
    return {**hooks, "time_embedding": None} if module.ofs_embedding is not None else hooks


TWO_B = {
    "num_attention_heads": 30,
    "attention_head_dim": 64,
    "in_channels": 16,
    "out_channels": 16,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "time_embed_dim": 512,
    "text_embed_dim": 4096,
    "num_layers": 30,
    "dropout": 0.0,
    "attention_bias": True,
    "sample_width": 90,
    "sample_height": 60,
    "sample_frames": 49,
    "patch_size": 2,
    "temporal_compression_ratio": 4,
    "max_text_seq_length": 226,
    "activation_fn": "gelu-approximate",
    "timestep_activation_fn": "silu",
    "norm_elementwise_affine": True,
    "norm_eps": 1e-5,
    "spatial_interpolation_scale": 1.875,
    "temporal_interpolation_scale": 1.0,
    "use_rotary_positional_embeddings": False,
}
FIVE_B = {**TWO_B, "num_attention_heads": 48, "num_layers": 42, "use_rotary_positional_embeddings": True}
NEWER = {**FIVE_B, "sample_width": 170, "sample_height": 96, "sample_frames": 81, "patch_size_t": 2, "patch_bias": False}

FULL = {
    "2b": case(TWO_B),
    "5b": case(FIVE_B),
    "5b, image to video": case({**FIVE_B, "in_channels": 32, "use_learned_positional_embeddings": True}),
    "1.5 5b": case(NEWER),
    "1.5 5b, image to video": case({**NEWER, "in_channels": 32, "ofs_embed_dim": 512}),
}

SMALL = {
    "num_attention_heads": 2,
    "attention_head_dim": 16,
    "in_channels": 4,
    "out_channels": 4,
    "time_embed_dim": 10,
    "text_embed_dim": 12,
    "num_layers": 2,
    "sample_width": 8,
    "sample_height": 6,
    "sample_frames": 9,
    "max_text_seq_length": 5,
}


def small(sizes=None, **settings):
    return case({**SMALL, **settings}, sizes or {})


ROTARY = {"use_rotary_positional_embeddings": True}
REDUCED = {
    "small": small(),
    "other size": small({"height": 10, "width": 4, "frames": 2}),
    "rotary": small({"height": 10, "width": 4, "frames": 2}, **ROTARY),
    "learned": small(**ROTARY, use_learned_positional_embeddings=True, in_channels=8),
    "patches of two frames": small({"frames": 4}, **ROTARY, patch_size_t=2, patch_bias=False),
    "offset": small({"frames": 4}, **ROTARY, patch_size_t=2, patch_bias=False, ofs_embed_dim=10),
    "time": small(flip_sin_to_cos=False, freq_shift=1, timestep_activation_fn="mish"),
    "norms": small(norm_elementwise_affine=False, norm_eps=1e-3, attention_bias=False, patch_bias=False, activation_fn="geglu"),
}


def random_config(rng):
    choices = {
        "num_attention_heads": [1, 4],
        "attention_head_dim": [16, 32, 6],
        "in_channels": [1, 16],
        "out_channels": [8],
        "time_embed_dim": [6, 7],
        "ofs_embed_dim": [None, 10],
        "text_embed_dim": [3],
        "num_layers": [1, 3],
        "attention_bias": [True, False],
        "sample_width": [4, 12],
        "sample_frames": [1, 5],
        "patch_size": [1, 2],
        "patch_size_t": [None, 1],
        "activation_fn": ["gelu", "geglu", "tanh"],
        "norm_elementwise_affine": [True, False],
        "use_rotary_positional_embeddings": [True, False],
        "patch_bias": [True, False],
        "a_setting_of_a_later_version": [1],
    }
    return {key: rng.choice(choices[key]) for key in rng.sample(sorted(choices), rng.randint(1, 5))}


REFUSED = [
    ({"dropout": 0.1}, "dropout"),
    ({"ofs_embed_dim": 12}, "ofs_embed_dim"),
    ({"patch_size_t": 2}, "patch_size_t"),
]
