"""Qwen3 below its head, as FLUX.2 takes its text."""

import decoder
from family import case
from transformers import Qwen3Config, Qwen3ForCausalLM

CLASS = "Qwen3ForCausalLM"
FULL = {}
REDUCED = {"small": decoder.small(head_dim=8)}
UNUSED = decoder.UNUSED
call = decoder.call
make_input = decoder.make_input


def build(config):
    return Qwen3ForCausalLM(Qwen3Config(**config))
