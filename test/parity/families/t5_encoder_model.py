"""T5 v1.1 XXL (PixArt, SD 3, FLUX, DeepFloyd IF) and the original small T5, encoders only."""

from family import case
from transformers import T5Config, T5EncoderModel

CLASS = "T5EncoderModel"
XXL = {
    "vocab_size": 32128, "d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64, "relative_attention_num_buckets": 32,
    "relative_attention_max_distance": 128, "layer_norm_epsilon": 1e-6, "feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu_new", "is_gated_act": True,
    "is_encoder_decoder": True, "tie_word_embeddings": False,
}
FULL = {
    "t5-v1_1-xxl": case(XXL, {"sequenceLength": 120}, parameters=4_762_310_656),
    "t5-small": case({"vocab_size": 32128, "d_model": 512, "d_kv": 64, "d_ff": 2048, "num_layers": 6, "num_heads": 8, "relative_attention_num_buckets": 32, "layer_norm_epsilon": 1e-6}, parameters=35_330_816),
}
SMALL = {"vocab_size": 99, "d_model": 24, "d_kv": 6, "d_ff": 40, "num_layers": 3, "num_heads": 4, "feed_forward_proj": "gated-gelu"}
REDUCED = {
    "gated": case(SMALL, {"sequenceLength": 300}),
    "original": case({**SMALL, "feed_forward_proj": "relu"}, {"sequenceLength": 12}),
    "gated silu": case({**SMALL, "feed_forward_proj": "gated-silu"}, {"sequenceLength": 12}),
    "few buckets": case({**SMALL, "relative_attention_num_buckets": 8, "relative_attention_max_distance": 20}, {"sequenceLength": 40}),
    "many buckets": case({**SMALL, "relative_attention_num_buckets": 64, "relative_attention_max_distance": 200}, {"sequenceLength": 400}, batch=1),
    "one layer": case({**SMALL, "num_layers": 1}, {"sequenceLength": 12}),
    "epsilon": case({**SMALL, "layer_norm_epsilon": 1e-2}, {"sequenceLength": 1}),
}
REFUSED = [({"feed_forward_proj": "gated-leaky_relu"}, "feed_forward_proj"), ({"relative_attention_num_buckets": 10}, "relative_attention_num_buckets")]


def build(config):
    return T5EncoderModel(T5Config(**config))


def call(module, inputs):
    output = module(inputs["input_ids"]).last_hidden_state
    return {"": output, "last_hidden_state": output}


def HOOKS(module):
    """A block returns its bias behind the hidden state."""
    hooks = {f"block.{index}": (f"encoder.block.{index}", lambda output: [output[0]]) for index in range(len(module.encoder.block))}
    if len(module.encoder.block) > 1:
        hooks["block.0"] = ("encoder.block.0", lambda output: [output[0], output[1]])
    return hooks


def random_config(rng):
    choices = {
        "num_layers": [1, 2, 0], "num_heads": [1, 3], "d_kv": [5, 8], "d_ff": [7, 64], "feed_forward_proj": ["relu", "gated-gelu", "gated-silu", "gelu", "gated", "some-thing"],
        "relative_attention_num_buckets": [8, 16, 5], "relative_attention_max_distance": [32, 64], "is_decoder": [False],
    }
    return {key: rng.choice(choices[key]) for key in rng.sample(sorted(choices), rng.randint(1, 4))}
