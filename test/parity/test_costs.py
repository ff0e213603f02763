"""Saved activations, against what PyTorch keeps while it runs the reference."""

import pytest
import torch
from family import build
from families import unet2d_condition_model as unet


def saved_bytes(module, call):
    """Bytes that autograd keeps from one call, each storage once, parameters apart."""
    ignored = {p.untyped_storage().data_ptr() for p in module.parameters()}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in ignored:
            kept[storage.data_ptr()] = (storage.nbytes(), storage)
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        call()
    return sum(size for size, _ in kept.values())


@pytest.mark.parametrize("kind", ["resnet_block_2d", "transformer_2d", "downsample_2d", "upsample_2d", "timestep_embedding", "conv_2d"])
def test_saved_activations(describe_families, kind):
    case = unet.REDUCED["small"]
    ((facts, _),) = describe_families([case.request(unet)])
    module = build(unet, case.config)
    layer = [layer for layer in facts["layers"] if layer["kind"] == kind][-1]
    shapes = {value["name"]: value["shape"] for value in layer["inputs"]}
    target = module.get_submodule(layer["modules"][-1])
    values = {name: torch.randn(shape) for name, shape in shapes.items() if name != "timestep"}
    for name in ("hidden_states", "skip", "temb"):
        if name in values:
            values[name].requires_grad_()
    if kind == "resnet_block_2d":
        hidden = torch.cat([values["hidden_states"], values["skip"]], dim=1) if "skip" in values else values["hidden_states"]
        call = lambda: target(hidden, values["temb"])  # noqa: E731
    elif kind == "transformer_2d":
        call = lambda: target(values["hidden_states"], encoder_hidden_states=values["encoder_hidden_states"])  # noqa: E731
    elif kind == "timestep_embedding":
        call = lambda: target(module.time_proj(torch.ones(1)))  # noqa: E731
    else:
        call = lambda: target(*values.values())  # noqa: E731
    theirs = saved_bytes(target, call)
    saved = layer["savedBytesPerSample"]
    ours = saved["untilInputGrad"] + saved["untilWeightGrad"]
    assert ours == theirs, layer["name"]
