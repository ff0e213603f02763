"""Qwen3, which normalises queries and keys."""

import decoder
from family import case
from transformers import Qwen3Config, Qwen3Model

CLASS = "Qwen3Model"
FULL = {
    "qwen3-4b": case(
        {
            "vocab_size": 151936, "hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
            "rms_norm_eps": 1e-6, "rope_theta": 1000000, "max_window_layers": 36, "tie_word_embeddings": True,
        },
        {"sequenceLength": 256},
        parameters=4_022_468_096,
    ),
}
REDUCED = {"grouped": decoder.small(head_dim=8), "wide heads": decoder.small(head_dim=12, attention_bias=True, rms_norm_eps=1e-2)}
call = decoder.call
make_input = decoder.make_input


def build(config):
    return Qwen3Model(Qwen3Config(**config))


def random_config(rng):
    return decoder.choices(rng, attention_bias=[True, False])
