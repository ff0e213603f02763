"""Measures every layer's forward and gradients in PyTorch on this device, into the profile format."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .atomic import write_json
from .busy import busy
from .errors import UserError
from .layer_times import Distinct, measure, measure_steps
from .layers.layer import NOISY_LATENTS, PIXELS, TIMESTEPS, TOKEN_IDS, Component, run_layers
from .memory import keep_freed_memory
from .model_folder import ModelFolder

FORMAT = "diffusionpipe.profile/1"


def profile(model: Path, skeleton: Path, batches: list[int], threads: int, out: Path, busy_cores: int = 0) -> None:
    """Fill the times of `skeleton` (a profile whose layers, flags and bytes are known) and write it to `out`.

    Per layer and batch, medians in ms times `hold_up`: F as the trainer runs it (without gradients where the layer is a
    leaf), I alone, and W = B - I with B the whole backward pass, so that I + W is what a backward pass takes. `spreadMs`
    is half the width of a 95 % confidence interval of F and B together; `optimizerMs` is AdamW's step of a layer that
    learns.
    Layers with one signature are measured once. `busy_cores` other processes compute meanwhile, as the other ranks of a
    CPU run would. Progress goes to standard output, a line "N/M what" for each component and batch.
    """
    document = _read(skeleton)
    torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        keep_freed_memory()
    folder = ModelFolder(model)
    components = {c["name"]: folder.component(c["name"]) for c in document["components"]}
    inputs = {batch: _tensors(components, document, batch) for batch in batches}
    found = _distinct(document, components, skeleton)
    bf16 = document.get("device", {}).get("precision", "fp32") == "bf16"
    total = len(components) * len(batches)
    with busy(busy_cores, threads), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        for c, component in enumerate(components.values()):
            work = [one for one in found if one.component is component]
            for b, (batch, tensors) in enumerate(inputs.items()):
                print(f"{c * len(batches) + b}/{total} {component.name}, batch {batch}", flush=True)
                measure([one for one in work if not one.is_too_large], batch, tensors, device)
            measure_steps(work, device)
    print(f"{total}/{total} done", flush=True)
    for one in found:
        for entry in one.entries:
            entry.update(one.measured)
    document["runtimeVersion"] = f"torch {torch.__version__}"
    document["device"] = {**document.get("device", {}), **_device(device, threads, busy_cores)}
    write_json(out, document)


def _distinct(document: dict[str, Any], components: dict[str, Component], skeleton: Path) -> list[Distinct]:
    """Layers that do different work, in order."""
    found: dict[str, Distinct] = {}
    for entry in document["components"]:
        component = components[entry["name"]]
        layers = {layer.name: layer for layer in component.layers}
        for position, wanted in enumerate(entry["layers"]):
            layer = layers.get(wanted["name"])
            if layer is None:
                place = f"components.{component.name}.layers[{position}].name"
                raise UserError(f"The model has no layer {wanted['name']!r}.", skeleton, place)
            flags = (bool(wanted["needsInputGrad"]), bool(wanted["needsWeightGrad"]))
            key = f"{component.name} {wanted.get('signature') or layer.name} {flags}"
            found.setdefault(key, Distinct(component, layer, *flags)).entries.append(wanted)
    return list(found.values())


def _tensors(components: dict[str, Component], document: dict[str, Any], batch: int) -> dict[str, Tensor]:
    """Every tensor of the model for a batch, on the meta device."""
    bindings = document["bindings"]
    meta = torch.device("meta")
    tensors: dict[str, Tensor] = {
        PIXELS: torch.empty(batch, 3, bindings["height"], bindings["width"], device=meta),
        TOKEN_IDS: torch.empty(batch, bindings["sequenceLength"], dtype=torch.int64, device=meta),
        TIMESTEPS: torch.empty(batch, dtype=torch.int64, device=meta),
    }
    with torch.no_grad():
        for name in sorted(components, key=lambda n: n == "unet"):
            run_layers(name, components[name].layers, tensors)
            if name == "vae":
                moments = tensors[components[name].output_id(len(components[name].layers) - 1)]
                tensors[NOISY_LATENTS] = moments.chunk(2, dim=1)[0]
    return tensors


def _device(device: torch.device, threads: int, busy_cores: int) -> dict[str, Any]:
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return {"name": properties.name, "provider": "pytorch-cuda", "memoryBytes": properties.total_memory}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"name": "cpu", "provider": "pytorch-cpu", "memoryBytes": memory, "threads": threads,
            **({"busyCores": busy_cores} if busy_cores else {})}


def _read(skeleton: Path) -> dict[str, Any]:
    try:
        document = json.loads(skeleton.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"Cannot be read: {error.strerror}.", skeleton) from error
    except ValueError as error:
        raise UserError(f"Not JSON: {error}.", skeleton) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UserError(f"The format must be {FORMAT!r}.", skeleton, "format")
    return document
