"""Qwen2.5, with biases on queries, keys and values."""

import decoder
from family import case
from transformers import Qwen2Config, Qwen2Model

CLASS = "Qwen2Model"
FULL = {
    "qwen2.5-1.5b": case(
        {
            "vocab_size": 151936, "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12, "num_key_value_heads": 2,
            "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "sliding_window": 131072, "max_window_layers": 28, "use_sliding_window": False, "tie_word_embeddings": True,
        },
        {"sequenceLength": 256},
        parameters=1_543_714_304,
    ),
}
REDUCED = {
    "grouped": decoder.small(),
    "last layers slide": decoder.small(use_sliding_window=True, sliding_window=4, max_window_layers=1),
    "layers by type": decoder.small(use_sliding_window=True, sliding_window=3, layer_types=["sliding_attention", "full_attention", "sliding_attention"]),
}
call = decoder.call
make_input = decoder.make_input


def build(config):
    return Qwen2Model(Qwen2Config(**config))


def random_config(rng):
    return decoder.choices(rng, use_sliding_window=[True, False], max_window_layers=[0, 1])
