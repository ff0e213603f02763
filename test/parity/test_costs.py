"""FLOPs and saved activations, against what PyTorch counts and keeps while it runs the reference."""

import pytest
import reference
import torch
from conftest import FIXTURES
from torch.utils.flop_counter import FlopCounterMode

# The product counts elementwise work, PyTorch's counter only products: ours is the larger, by no more than this.
ELEMENTWISE = 0.05


def total(facts, component, *keys):
    layers = {c["name"]: c for c in facts["components"]}[component]["layers"]
    return sum(layer[key] for layer in layers for key in keys)


def close_above(ours, theirs):
    assert theirs <= ours <= theirs * (1 + ELEMENTWISE), (ours, theirs)


@pytest.mark.parametrize("name", ["stable-diffusion-1-5", "stable-diffusion-2-1"])
def test_forward_and_backward_flops(describe, name):
    folder = FIXTURES / name
    ((facts, _),) = describe([(folder, {"bindings": {"height": 512, "width": 512}})])
    for component in ["text_encoder", "vae", "unet"]:
        module = reference.build(component, folder, "meta")
        values = reference.inputs_of(component, facts, 1, "meta")
        with FlopCounterMode(display=False) as counter:
            reference.run(component, module, values)
        close_above(total(facts, component, "flopsPerSample"), counter.get_total_flops())

    with torch.enable_grad():
        output = module(values["sample"], values["timestep"], values["encoder_hidden_states"]).sample
        with FlopCounterMode(display=False) as counter:
            output.sum().backward()
    close_above(total(facts, "unet", "inputGradFlopsPerSample", "weightGradFlopsPerSample"), counter.get_total_flops())


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
def test_saved_activations(describe, kind):
    folder = FIXTURES / "small"
    ((facts, _),) = describe([(folder, {"bindings": {"height": 64, "width": 64}})])
    module = reference.build("unet", folder)
    layers = {c["name"]: c for c in facts["components"]}["unet"]["layers"]
    layer = [layer for layer in layers if layer["kind"] == kind][-1]
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
