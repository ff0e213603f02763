"""Gemma below its head."""

import decoder
from family import case
from transformers import GemmaConfig, GemmaForCausalLM

CLASS = "GemmaForCausalLM"
FULL = {}
REDUCED = {"small": decoder.small(head_dim=8)}
UNUSED = decoder.UNUSED
call = decoder.call
make_input = decoder.make_input


def build(config):
    return GemmaForCausalLM(GemmaConfig(**config))
