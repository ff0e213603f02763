"""Qwen2.5 below its head."""

import decoder
from family import case
from transformers import Qwen2Config, Qwen2ForCausalLM

CLASS = "Qwen2ForCausalLM"
FULL = {}
REDUCED = {"small": decoder.small()}
UNUSED = decoder.UNUSED
call = decoder.call
make_input = decoder.make_input


def build(config):
    return Qwen2ForCausalLM(Qwen2Config(**config))
