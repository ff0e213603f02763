"""The second text encoder of Stable Diffusion XL (OpenCLIP bigG), and the first of Stable Diffusion 3."""

from family import case
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from . import clip_text_model

CLASS = "CLIPTextModelWithProjection"
BIG = {**clip_text_model.LARGE, "hidden_size": 1280, "intermediate_size": 5120, "projection_dim": 1280, "num_hidden_layers": 32, "num_attention_heads": 20, "hidden_act": "gelu"}
FULL = {"stable-diffusion-xl": case(BIG, parameters=694_659_840), "stable-diffusion-3": case({**clip_text_model.LARGE, "eos_token_id": 49407})}
SMALL = clip_text_model.SMALL
REDUCED = {
    "largest id": case(SMALL),
    "end of text by its id": case({**SMALL, "eos_token_id": 98}, {"sequenceLength": 9}),
    "wide projection": case({**SMALL, "projection_dim": 40, "hidden_act": "gelu"}),
}
REFUSED = clip_text_model.REFUSED
make_input = clip_text_model.make_input


def build(config):
    return CLIPTextModelWithProjection(CLIPTextConfig(**config))


def call(module, inputs):
    output = module(inputs["input_ids"], output_hidden_states=True)
    return {"": output.text_embeds, "text_embeds": output.text_embeds, "last_hidden_state": output.last_hidden_state, "hidden_states[-2]": output.hidden_states[-2]}


def HOOKS(module):
    return {"final_layer_norm": ("text_model", lambda output: [output.last_hidden_state, output.pooler_output])}
