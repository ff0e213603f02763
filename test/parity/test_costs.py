"""Saved activations, against what PyTorch keeps while it runs the reference."""

import pytest
import torch
from family import build, saved_bytes
from families import unet2d_condition_model as unet


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
    theirs = saved_bytes(call, target.parameters())
    saved = layer["savedBytesPerSample"]
    ours = saved["untilInputGrad"] + saved["untilWeightGrad"]
    assert ours == theirs, layer["name"]
