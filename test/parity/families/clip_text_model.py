"""CLIPTextModel."""

import json

from conftest import FIXTURES, ROOT
from family import case
from transformers import CLIPTextConfig, CLIPTextModel

CLASS = "CLIPTextModel"


def fixture(name):
    return json.loads((FIXTURES / name / "text_encoder" / "config.json").read_text())


def build(config):
    return CLIPTextModel(CLIPTextConfig(**{key: value for key, value in config.items() if key != "architectures"}))


def call(module, inputs):
    return {"": module(inputs["input_ids"]).last_hidden_state}


FULL = {
    "stable-diffusion-1-5": case(fixture("stable-diffusion-1-5"), parameters=123_060_480),
    "stable-diffusion-2-1": case(fixture("stable-diffusion-2-1"), parameters=340_387_840),
}

SMALL = fixture("small")


def small(**settings):
    return case({**SMALL, **settings}, {"sequenceLength": 10})


REDUCED = {
    "small": small(),
    "sample": case(json.loads((ROOT / "media/sample/model/text_encoder/config.json").read_text())),
    "gelu": small(hidden_act="gelu"),
    "tanh": small(hidden_act="gelu_new", layer_norm_eps=1e-3),
    "silu": small(hidden_act="silu"),
    "relu": small(hidden_act="relu"),
    "fast": small(hidden_act="gelu_fast"),
}


def random_config(rng):
    choices = {
        "num_hidden_layers": [1, 3],
        "num_attention_heads": [1, 2, 5],
        "intermediate_size": [7, 64],
        "vocab_size": [3, 999],
        "max_position_embeddings": [8, 40],
        "hidden_act": ["gelu", "quick_gelu", "gelu_new", "nothing"],
        "layer_norm_eps": [1e-5, 1e-6],
    }
    return {key: rng.choice(choices[key]) for key in rng.sample(sorted(choices), rng.randint(1, 4))}


REFUSED = [({"hidden_act": "leaky_relu"}, "hidden_act"), ({"attention_dropout": 0.1}, "attention_dropout")]
