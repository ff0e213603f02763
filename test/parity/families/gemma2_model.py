"""Gemma 2, as Lumina 2 and Sana take their text."""

import decoder
from family import case
from transformers import Gemma2Config, Gemma2Model

CLASS = "Gemma2Model"
FULL = {
    "gemma-2-2b": case(
        {
            "vocab_size": 256000, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
            "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 256, "sliding_window": 4096, "attn_logit_softcapping": 50.0,
            "final_logit_softcapping": 30.0, "attn_implementation": "eager",
        },
        {"sequenceLength": 300},
        parameters=2_614_341_888,
    ),
}
REDUCED = {
    "capped": decoder.small(head_dim=8, sliding_window=5, query_pre_attn_scalar=16, attn_logit_softcapping=1.0, attn_implementation="eager"),
    "not capped": decoder.small(head_dim=6, sliding_window=5, attn_logit_softcapping=None, attn_implementation="eager"),
    "layers by type": decoder.small(head_dim=8, sliding_window=3, layer_types=["full_attention"] * 2 + ["sliding_attention"], attn_implementation="eager"),
}
call = decoder.call
make_input = decoder.make_input


def build(config):
    return Gemma2Model(Gemma2Config(**config))


def random_config(rng):
    return decoder.choices(rng, layer_types=[None, ["full_attention"] * 3, ["full_attention"]], sliding_window=[4])
