"""Components in diffusers and transformers, and what a forward pass through them does, layer by layer."""

import json

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel


def build(component, folder, device="cpu"):
    """The module of `component`, from its configuration alone; on "meta" without memory."""
    config = json.loads((folder / component / "config.json").read_text())
    with torch.device(device):
        if component == "unet":
            module = UNet2DConditionModel.from_config(config)
        elif component == "vae":
            module = AutoencoderKL.from_config(config)
            del module.decoder, module.post_quant_conv
        else:
            module = CLIPTextModel(CLIPTextConfig(**{k: v for k, v in config.items() if k != "architectures"}))
    return module.eval()


def randomize(module, seed):
    """Every parameter from a normal distribution that keeps activations near one; diffusers' own start has biases of zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 1
            scale = 0.1 if parameter.dim() == 1 else fan_in**-0.5
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
            if parameter.dim() == 1 and name.endswith("weight"):
                parameter.add_(1)
    return module


def inputs_of(component, facts, batch, device="cpu"):
    """Random inputs by tensor id, at the shapes of the product's graphs."""
    generator = torch.Generator().manual_seed(1)
    result = {}
    layers = {c["name"]: c for c in facts["components"]}[component]["layers"]
    for layer in layers:
        for value in layer["inputs"]:
            if value["name"] in ("sample", "timestep", "encoder_hidden_states", "input_ids") and value["name"] not in result:
                shape = [batch, *value["shape"][1:]]
                if value["type"] == "int64":
                    made = torch.randint(0, value["below"], shape, generator=generator)
                else:
                    made = torch.randn(shape, generator=generator)
                result[value["name"]] = made.to(device)
    return result


def run(component, module, values):
    with torch.no_grad():
        if component == "unet":
            return module(values["sample"], values["timestep"], values["encoder_hidden_states"]).sample
        if component == "vae":
            moments = module.encoder(values["sample"])
            return module.quant_conv(moments) if module.quant_conv is not None else moments
        return module(values["input_ids"]).last_hidden_state


def trace(component, module, values, names):
    """Runs the component. Returns [(module path, output)] in order of the calls that end, for the module paths in `names`."""
    calls = []
    handles = []
    for name, child in module.named_modules():
        if name in names:

            def hook(_module, _inputs, output, name=name):
                value = output if isinstance(output, torch.Tensor) else (output[0] if isinstance(output, tuple) else output.sample)
                calls.append((name, value))

            handles.append(child.register_forward_hook(hook))
    output = run(component, module, values)
    for handle in handles:
        handle.remove()
    return calls, output
