"""Llama, as HunyuanVideo takes its text."""

import decoder
from family import case
from transformers import LlamaConfig, LlamaModel

CLASS = "LlamaModel"
FULL = {
    "llama-3.2-1b": case(
        {
            "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64,
            "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "tie_word_embeddings": True, "pad_token_id": None,
            "rope_parameters": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192},
        },
        {"sequenceLength": 256},
        parameters=1_235_814_400,
    ),
}
REDUCED = {
    "grouped": decoder.small(),
    "biases": decoder.small(attention_bias=True, mlp_bias=True, num_key_value_heads=4, hidden_act="gelu_new"),
    "own head size": decoder.small(head_dim=6, num_key_value_heads=None, rms_norm_eps=1e-2),
}
REFUSED = [({"attention_dropout": 0.1}, "attention_dropout"), ({"hidden_act": "leaky_relu"}, "hidden_act")]
call = decoder.call
make_input = decoder.make_input


def build(config):
    return LlamaModel(LlamaConfig(**config))


def random_config(rng):
    return decoder.choices(rng, hidden_act=["silu", "nothing"], mlp_bias=[True, False])
