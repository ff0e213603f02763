"""Image encoders: CLIP ViT-L/14 and OpenCLIP ViT-H/14 (IP-Adapter, Stable Video Diffusion)."""

from family import case
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

CLASS = "CLIPVisionModelWithProjection"
LARGE = {
    "hidden_size": 1024, "intermediate_size": 4096, "projection_dim": 768, "num_hidden_layers": 24, "num_attention_heads": 16,
    "image_size": 224, "patch_size": 14, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5,
}
HUGE = {**LARGE, "hidden_size": 1280, "intermediate_size": 5120, "projection_dim": 1024, "num_hidden_layers": 32, "hidden_act": "gelu"}
FULL = {"vit-large-14": case(LARGE, parameters=303_966_208), "vit-huge-14": case(HUGE, parameters=632_076_800)}
SMALL = {"hidden_size": 32, "intermediate_size": 48, "projection_dim": 24, "num_hidden_layers": 3, "num_attention_heads": 4, "image_size": 24, "patch_size": 8}
REDUCED = {
    "small": case(SMALL),
    "cut patches": case({**SMALL, "image_size": 30, "num_channels": 1, "hidden_act": "gelu"}),
    "epsilon": case({**SMALL, "layer_norm_eps": 1e-2, "num_hidden_layers": 1}),
}
REFUSED = [({"hidden_act": "leaky_relu"}, "hidden_act"), ({"attention_dropout": 0.1}, "attention_dropout")]


def build(config):
    return CLIPVisionModelWithProjection(CLIPVisionConfig(**config))


def call(module, inputs):
    output = module(inputs["pixel_values"], output_hidden_states=True)
    return {"": output.image_embeds, "image_embeds": output.image_embeds, "last_hidden_state": output.last_hidden_state, "hidden_states[-2]": output.hidden_states[-2]}


def random_config(rng):
    choices = {
        "num_hidden_layers": [1, 4, 0], "num_attention_heads": [1, 2, 5], "intermediate_size": [7, 64], "image_size": [16, 25, 4], "patch_size": [4, 5, 8], "num_channels": [1, 3],
        "hidden_act": ["gelu", "quick_gelu", "nothing"], "projection_dim": [5, 64],
    }
    return {key: rng.choice(choices[key]) for key in rng.sample(sorted(choices), rng.randint(1, 4))}
