"""Mistral 7B, whose layers all see a window."""

import decoder
from family import case
from transformers import MistralConfig, MistralModel

CLASS = "MistralModel"
FULL = {
    "mistral-7b-v0.1": case(
        {"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-5, "sliding_window": 4096},
        {"sequenceLength": 128},
        parameters=7_241_732_096 - 32000 * 4096,
    ),
}
REDUCED = {"window": decoder.small(sliding_window=5), "no window": decoder.small(sliding_window=None), "wide window": decoder.small(sliding_window=100)}
call = decoder.call
make_input = decoder.make_input


def build(config):
    return MistralModel(MistralConfig(**config))
