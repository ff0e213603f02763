"""Llama with a head of its own, which encoding does not run."""

import decoder
from family import case
from transformers import LlamaConfig, LlamaForCausalLM

CLASS = "LlamaForCausalLM"
FULL = {
    "llama-3.1-8b": case(
        {"vocab_size": 128256, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-5},
        {"sequenceLength": 128},
        parameters=8_030_261_248 - 128256 * 4096,
    ),
}
REDUCED = {"tied": decoder.small(tie_word_embeddings=True), "untied": decoder.small(tie_word_embeddings=False)}
UNUSED = decoder.UNUSED
call = decoder.call
make_input = decoder.make_input


def build(config):
    return LlamaForCausalLM(LlamaConfig(**config))
