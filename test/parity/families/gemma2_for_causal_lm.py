"""Gemma 2 below its head."""

import decoder
from family import case
from transformers import Gemma2Config, Gemma2ForCausalLM

CLASS = "Gemma2ForCausalLM"
FULL = {}
REDUCED = {"small": decoder.small(head_dim=8, sliding_window=5, attn_implementation="eager")}
UNUSED = decoder.UNUSED
call = decoder.call
make_input = decoder.make_input


def build(config):
    return Gemma2ForCausalLM(Gemma2Config(**config))
