"""Text encoders of Stable Diffusion 1.5, 2.1 and XL (its first), as their published configurations have them."""

import json

import torch
from conftest import ROOT
from family import case
from transformers import CLIPTextConfig, CLIPTextModel

CLASS = "CLIPTextModel"
LARGE = {
    "vocab_size": 49408, "hidden_size": 768, "intermediate_size": 3072, "projection_dim": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
    "max_position_embeddings": 77, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5, "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1,
}
FULL = {
    "stable-diffusion-1-5": case(LARGE, parameters=123_060_480),
    "stable-diffusion-2-1": case({**LARGE, "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 23, "num_attention_heads": 16, "hidden_act": "gelu", "projection_dim": 512}, parameters=340_387_840),
    "stable-diffusion-xl": case(LARGE, parameters=123_060_480),
}
SMALL = {"vocab_size": 99, "hidden_size": 32, "intermediate_size": 48, "projection_dim": 24, "num_hidden_layers": 3, "num_attention_heads": 4, "max_position_embeddings": 16, "eos_token_id": 2}
REDUCED = {
    "largest id": case(SMALL),
    "short": case(SMALL, {"sequenceLength": 7}),
    "end of text by its id": case({**SMALL, "eos_token_id": 98}),
    "one layer": case({**SMALL, "num_hidden_layers": 1}),
    **{name: case({**SMALL, "hidden_act": name}) for name in ("gelu", "gelu_new", "gelu_fast", "silu", "relu")},
    "epsilon": case({**SMALL, "layer_norm_eps": 1e-2}),
    "sample": case(json.loads((ROOT / "media/sample/model/text_encoder/config.json").read_text())),
}
REFUSED = [({"hidden_act": "leaky_relu"}, "hidden_act"), ({"attention_dropout": 0.1}, "attention_dropout")]


def build(config):
    return CLIPTextModel(CLIPTextConfig(**config))


def call(module, inputs):
    output = module(inputs["input_ids"], output_hidden_states=True)
    return {"": output.last_hidden_state, "last_hidden_state": output.last_hidden_state, "pooler_output": output.pooler_output, "hidden_states[-2]": output.hidden_states[-2]}


def HOOKS(module):
    return {"final_layer_norm": ("", lambda output: [output.last_hidden_state, output.pooler_output])}


def make_input(name, shape, module, generator):
    """Texts that end somewhere, padded with the end."""
    ids = torch.randint(3, module.config.vocab_size - 1, shape, generator=generator)
    for sample in range(shape[0]):
        ids[sample, shape[1] // 2 + sample :] = module.config.vocab_size - 1
    return ids


def random_config(rng):
    choices = {
        "num_hidden_layers": [1, 4, 0], "num_attention_heads": [1, 2, 5], "intermediate_size": [7, 64], "vocab_size": [50, 999], "max_position_embeddings": [8, 40],
        "hidden_act": ["gelu", "quick_gelu", "gelu_new", "nothing"], "layer_norm_eps": [1e-5, 1e-6], "eos_token_id": [2, 49407, 5],
    }
    return {key: rng.choice(choices[key]) for key in rng.sample(sorted(choices), rng.randint(1, 4))}
