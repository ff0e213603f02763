"""Gemma 3 below its head."""

import decoder
from family import case
from transformers import Gemma3TextConfig, Gemma3ForCausalLM

CLASS = "Gemma3ForCausalLM"
FULL = {}
REDUCED = {"small": decoder.small(head_dim=8, sliding_window=5, sliding_window_pattern=2)}
UNUSED = decoder.UNUSED
call = decoder.call
make_input = decoder.make_input


def build(config):
    return Gemma3ForCausalLM(Gemma3TextConfig(**config))
