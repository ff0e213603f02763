"""Gemma, whose norms scale by one more than their weight."""

import decoder
from family import case
from transformers import GemmaConfig, GemmaModel

CLASS = "GemmaModel"
FULL = {
    "gemma-2b": case(
        {
            "vocab_size": 256000, "hidden_size": 2048, "intermediate_size": 16384, "num_hidden_layers": 18, "num_attention_heads": 8, "num_key_value_heads": 1, "head_dim": 256,
            "hidden_act": "gelu", "rms_norm_eps": 1e-6,
        },
        {"sequenceLength": 128},
        parameters=2_506_172_416,
    ),
}
REDUCED = {"grouped": decoder.small(head_dim=6, num_key_value_heads=1), "biases": decoder.small(head_dim=8, attention_bias=True, hidden_act="gelu")}
call = decoder.call
make_input = decoder.make_input


def build(config):
    return GemmaModel(GemmaConfig(**config))
