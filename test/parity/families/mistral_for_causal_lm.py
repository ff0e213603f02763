"""Mistral below its head."""

import decoder
from family import case
from transformers import MistralConfig, MistralForCausalLM

CLASS = "MistralForCausalLM"
FULL = {}
REDUCED = {"small": decoder.small(sliding_window=5)}
UNUSED = decoder.UNUSED
call = decoder.call
make_input = decoder.make_input


def build(config):
    return MistralForCausalLM(MistralConfig(**config))
