"""What the tests of the Llama-like language models have in common."""

import torch
from family import case

UNUSED = ("lm_head.",)
SMALL = {
    "vocab_size": 99, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "max_position_embeddings": 64,
}
SIZES = {"sequenceLength": 12}


def small(**settings):
    return case({**SMALL, **settings}, SIZES)


def language_model(module):
    """The part that encodes: below a head, and below what joins it to a vision tower."""
    module = getattr(module, "model", module)
    return getattr(module, "language_model", module)


def call(module, inputs):
    ids = inputs["input_ids"]
    # On the meta device transformers cannot look whether a mask is needed.
    mask = torch.zeros(ids.shape[0], 1, ids.shape[1], ids.shape[1], device="meta") if ids.is_meta else None
    output = language_model(module)(input_ids=ids, attention_mask=mask, use_cache=False, output_hidden_states=True)
    return {"": output.last_hidden_state, "last_hidden_state": output.last_hidden_state, "hidden_states[-2]": output.hidden_states[-2]}


def make_input(name, shape, module, generator):
    """Rotary tables are the model's own."""
    if not name.startswith("rotary"):
        return None
    model = language_model(module)
    positions = torch.arange(shape[1])[None]
    kind = ["sliding_attention" if name.startswith("rotary_local") else "full_attention"] if type(model).__name__.startswith("Gemma3") else []
    if "2_5_VL" in type(model).__name__:
        positions = positions[None].expand(3, 1, -1)
    rotary = model.rotary_emb
    if next(rotary.buffers()).is_meta:
        return torch.empty(shape)
    cos, sin = rotary(torch.zeros(1), positions, *kind)
    found = cos if name.endswith("cos") else sin
    return found[0] if found.dim() == 4 else found


def choices(rng, **more):
    known = {
        "num_hidden_layers": [1, 2, 0], "num_key_value_heads": [1, 4, 3], "intermediate_size": [7, 64], "vocab_size": [50, 999], "rms_norm_eps": [1e-5, 1e-3],
        "num_attention_heads": [2, 4, 8], "head_dim": [6, 8, 16, 5], "attention_dropout": [0.0, 0.1], **more,
    }
    return {key: rng.choice(known[key]) for key in rng.sample(sorted(known), rng.randint(1, 4))}
