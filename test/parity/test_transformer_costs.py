"""Saved activations of transformers' layers, against what PyTorch keeps of them while the whole model runs."""

import importlib

import pytest
import torch
from family import build, case, make_inputs

# Wide and long enough for tokens to outweigh the conditioning.
CASES = {
    "dit_transformer_2d_model": case({"num_attention_heads": 4, "attention_head_dim": 32, "num_layers": 1, "sample_size": 32, "num_embeds_ada_norm": 10}),
    "pixart_transformer_2d_model": case(
        {"num_attention_heads": 4, "attention_head_dim": 24, "num_layers": 1, "sample_size": 32, "cross_attention_dim": 96, "caption_channels": 32}, {"sequenceLength": 50}
    ),
    "sd3_transformer_2d_model": case(
        {
            "sample_size": 32,
            "in_channels": 4,
            "num_layers": 2,
            "attention_head_dim": 32,
            "num_attention_heads": 4,
            "joint_attention_dim": 48,
            "caption_projection_dim": 128,
            "pooled_projection_dim": 16,
            "pos_embed_max_size": 20,
            "dual_attention_layers": [0],
        },
        {"sequenceLength": 60},
    ),
    "flux_transformer_2d_model": case(
        {
            "attention_head_dim": 32,
            "axes_dims_rope": [8, 8, 16],
            "in_channels": 8,
            "joint_attention_dim": 12,
            "num_attention_heads": 4,
            "num_layers": 1,
            "num_single_layers": 1,
            "pooled_projection_dim": 10,
        },
        {"height": 32, "width": 32, "sequenceLength": 60},
    ),
    "cogvideox_transformer_3d_model": case(
        {
            "num_attention_heads": 4,
            "attention_head_dim": 32,
            "in_channels": 4,
            "out_channels": 4,
            "time_embed_dim": 32,
            "text_embed_dim": 12,
            "num_layers": 1,
            "sample_width": 16,
            "sample_height": 16,
            "sample_frames": 9,
            "max_text_seq_length": 40,
            "use_rotary_positional_embeddings": True,
        }
    ),
    "wan_transformer_3d_model": case(
        {"attention_head_dim": 32, "ffn_dim": 320, "freq_dim": 20, "in_channels": 4, "num_attention_heads": 4, "num_layers": 1, "out_channels": 4, "text_dim": 12},
        {"frames": 3, "height": 16, "width": 16, "sequenceLength": 50},
    ),
}
EXACT = 0.015
# On CPUs PyTorch has no fused RMSNorm and keeps the normalised queries and keys too; CogVideoX's rotary positions keep a copy.
UNFUSED = {"flux_transformer_2d_model": 0.12, "wan_transformer_3d_model": 0.12, "cogvideox_transformer_3d_model": 0.06}


def saved_by_layer(family, module, inputs, names):
    """Layer -> bytes that autograd keeps, each storage once for a layer, parameters apart."""
    parameters = {parameter.untyped_storage().data_ptr() for parameter in module.parameters()}
    kept = {}
    running = []
    for name, part in module.named_modules():
        if name in names:
            part.register_forward_pre_hook(lambda _module, _inputs, name=name: running.append(name))
            part.register_forward_hook(lambda _module, _inputs, _output: running.pop() and None)

    def pack(tensor):
        storage = tensor.untyped_storage()
        if running and storage.data_ptr() not in parameters:
            # Storages are kept, so that no other gets the same address.
            kept.setdefault(running[-1], {})[storage.data_ptr()] = storage
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        family.call(module, inputs)
    return {name: sum(storage.nbytes() for storage in storages.values()) for name, storages in kept.items()}


@pytest.mark.parametrize("name", CASES)
def test_saved_activations(describe_families, name):
    family = importlib.import_module(f"families.{name}")
    ((facts, _),) = describe_families([CASES[name].request(family)])
    module = build(family, CASES[name].config)
    inputs = make_inputs(family, module, facts, 1)
    # The last layer is several modules.
    layers = {layer["name"]: layer for layer in facts["layers"][:-1]}
    theirs = saved_by_layer(family, module, inputs, layers)
    assert theirs.keys() == layers.keys()
    for layer, saved in theirs.items():
        ours = sum(layers[layer]["savedBytesPerSample"].values())
        below = UNFUSED.get(name, EXACT) if layers[layer]["kind"].endswith("block") else EXACT
        assert saved * (1 - below) <= ours <= saved * (1 + EXACT), layer
