"""UMT5 XXL, the text encoder of Wan."""

from family import case
from transformers import UMT5Config, UMT5EncoderModel

from . import t5_encoder_model

CLASS = "UMT5EncoderModel"
FULL = {
    "umt5-xxl": case(
        {"vocab_size": 256384, "d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64, "feed_forward_proj": "gated-gelu", "layer_norm_epsilon": 1e-6},
        {"sequenceLength": 226},
        parameters=5_680_910_336,
    ),
}
REDUCED = {"gated": case(t5_encoder_model.SMALL, {"sequenceLength": 40}), "original": case({**t5_encoder_model.SMALL, "feed_forward_proj": "relu"}, {"sequenceLength": 40})}
call = t5_encoder_model.call


def build(config):
    return UMT5EncoderModel(UMT5Config(**config))
