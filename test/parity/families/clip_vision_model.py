"""The image encoder without projection, as Wan's image-to-video models have it (OpenCLIP ViT-H/14)."""

from family import case
from transformers import CLIPVisionConfig, CLIPVisionModel

from . import clip_vision_model_with_projection as projected

CLASS = "CLIPVisionModel"
FULL = {"vit-huge-14": case(projected.HUGE)}
REDUCED = {"small": case(projected.SMALL)}


def build(config):
    return CLIPVisionModel(CLIPVisionConfig(**config))


def call(module, inputs):
    output = module(inputs["pixel_values"], output_hidden_states=True)
    return {"": output.pooler_output, "pooler_output": output.pooler_output, "last_hidden_state": output.last_hidden_state, "hidden_states[-2]": output.hidden_states[-2]}
