"""Gemma 3 without its vision tower: two kinds of layers with rotary tables of their own."""

import decoder
from family import case
from transformers import Gemma3TextConfig, Gemma3TextModel

CLASS = "Gemma3TextModel"
FULL = {
    "gemma-3-1b": case(
        {
            "vocab_size": 262144, "hidden_size": 1152, "intermediate_size": 6912, "num_hidden_layers": 26, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256,
            "query_pre_attn_scalar": 256, "sliding_window": 512, "sliding_window_pattern": 6, "rope_local_base_freq": 10000, "rope_theta": 1000000,
        },
        {"sequenceLength": 256},
        parameters=999_885_952,
    ),
}
REDUCED = {
    "two kinds": decoder.small(head_dim=8, sliding_window=5, sliding_window_pattern=2, query_pre_attn_scalar=16),
    "all slide": decoder.small(head_dim=6, sliding_window=5, attention_bias=True),
}
REFUSED = [({"use_bidirectional_attention": True}, "use_bidirectional_attention")]
call = decoder.call
make_input = decoder.make_input


def build(config):
    return Gemma3TextModel(Gemma3TextConfig(**config))
