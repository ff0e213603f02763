"""The arguments of the forward pass: as the request gives them, else derived from its signature and the configuration.

A specification is one of {"shape": ["batch", 4, 64, 64], "dtype": "float32"}, {"value": false}, {"dict": {name: …}},
{"list": […]}. The word "batch" stands for the number of samples, alone or as a factor: "2*batch".
"""

from __future__ import annotations

import inspect
import re

import torch
from torch import nn

from .problem import TraceProblem

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16, "float64": torch.float64, "int64": torch.int64, "int32": torch.int32, "uint8": torch.uint8, "bool": torch.bool}
BATCH = re.compile(r"(?:([1-9]\d{0,5})\*)?batch")
MOST_ELEMENTS = 2**48
USUAL_SIZE = 64
USUAL_LENGTH = 77
USUAL_FRAMES = 8


def specifications(module: nn.Module, settings: dict, given: dict, sizes: dict) -> dict:
    """By argument of `forward`, in the order of its signature."""
    parameters = inspect.signature(module.forward).parameters
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    unknown = [name for name in given if name not in parameters and not open_ended]
    if unknown:
        raise TraceProblem("inputs", f'The forward pass takes no "{unknown[0]}". It takes: {", ".join(parameters)}.')
    result = {}
    for name, parameter in parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        required = parameter.default is parameter.empty
        made = given[name] if name in given else derive(name, required, module, settings, sizes)
        if made is not None:
            result[name] = made
        elif required:
            example = f'{{"{name}": {{"shape": ["batch", 16], "dtype": "float32"}}}}'
            raise TraceProblem("inputs", f'No shape is known for "{name}" of the forward pass ({", ".join(parameters)}). Give it as an input, e.g. {example}.')
    return {**result, **{name: value for name, value in given.items() if name not in result}}


def derive(name: str, required: bool, module: nn.Module, settings: dict, sizes: dict) -> dict | None:
    """The conventions of diffusers and transformers. Arguments that may be left out are, unless the configuration asks for them."""
    length = sizes.get("sequenceLength")
    if name in ("sample", "x", "z", "hidden_states", "pixel_values", "image", "images", "latents"):
        return image(module, settings, sizes) if required or name == "pixel_values" else None
    if name in ("timestep", "timesteps", "t", "time", "noise_level"):
        return tensor(["batch"], "int64") if required else None
    if name == "timestep_ratio":
        return tensor(["batch"]) if required else None
    if name == "clip_text_pooled" and first_size(settings, "clip_text_pooled_in_channels"):
        return tensor(["batch", 1, settings["clip_text_pooled_in_channels"]])
    if name == "encoder_hidden_states":
        if settings.get("encoder_hid_dim_type") in ("image_proj", "text_image_proj") and settings.get("addition_embed_type") == "image":
            return {"value": None}
        features = first_size(settings, "encoder_hid_dim", "cross_attention_dim", "joint_attention_dim", "caption_channels", "text_embed_dim", "text_dim")
        return tensor(["batch", length or USUAL_LENGTH, features]) if features else ({"value": None} if required and "cross_attention_dim" in settings else None)
    if name == "input_ids":
        return tensor(["batch", length or min(USUAL_LENGTH, settings.get("max_position_embeddings") or USUAL_LENGTH)], "int64")
    if name == "class_labels":
        wanted = required or settings.get("num_class_embeds") is not None or settings.get("class_embed_type") == "timestep"
        if settings.get("class_embed_type") in ("projection", "simple_projection"):
            return tensor(["batch", settings["projection_class_embeddings_input_dim"]])
        return tensor(["batch"], "int64") if wanted else None
    if name == "pooled_projections" and first_size(settings, "pooled_projection_dim"):
        return tensor(["batch", settings["pooled_projection_dim"]])
    if name == "guidance" and settings.get("guidance_embeds"):
        return tensor(["batch"])
    if name == "added_cond_kwargs":
        return added_conditions(settings)
    return None


def image(module: nn.Module, settings: dict, sizes: dict) -> dict | None:
    """Sound, image or video by the module's first convolution; tokens where it has none."""
    convolution = next((child for child in module.modules() if isinstance(child, (nn.Conv1d, nn.Conv2d, nn.Conv3d))), None)
    if convolution is None:
        linear = next((child for child in module.modules() if isinstance(child, nn.Linear)), None)
        features = first_size(settings, "in_channels", "hidden_size") or (linear.in_features if linear else None)
        return tensor(["batch", sizes.get("sequenceLength") or USUAL_LENGTH, features]) if features else None
    channels = first_size(settings, "in_channels", "num_channels", "input_channels") or convolution.in_channels
    configured = next((settings[key] for key in ("sample_size", "image_size", "input_size", "latent_size") if settings.get(key)), USUAL_SIZE)
    sides = list(configured)[-2:] if isinstance(configured, (list, tuple)) else [configured, configured]
    height, width = sizes.get("height") or sides[0], sizes.get("width") or sides[-1]
    if isinstance(convolution, nn.Conv1d):
        return tensor(["batch", channels, width])
    if isinstance(convolution, nn.Conv2d):
        return tensor(["batch", channels, height, width])
    return tensor(["batch", channels, sizes.get("frames") or first_size(settings, "sample_frames", "num_frames") or USUAL_FRAMES, height, width])


def added_conditions(settings: dict) -> dict | None:
    kind = settings.get("addition_embed_type")
    features = first_size(settings, "encoder_hid_dim")
    if kind == "image" and features:
        return {"dict": {"image_embeds": tensor(["batch", features])}}
    if kind == "text_time":
        times, total = 6, first_size(settings, "projection_class_embeddings_input_dim")
        width = first_size(settings, "addition_time_embed_dim")
        if total and width:
            return {"dict": {"text_embeds": tensor(["batch", total - times * width]), "time_ids": tensor(["batch", times])}}
    return None


def tensor(shape: list, dtype: str = "float32") -> dict:
    return {"shape": shape, "dtype": dtype}


def first_size(settings: dict, *keys: str) -> int | None:
    """The first of these settings that is a whole number, or a list that starts with one."""
    for key in keys:
        value = settings.get(key)
        while isinstance(value, (list, tuple)) and value:
            value = value[0]
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None


def make(specification: object, batch: int, where: str, found: dict):
    """The value that a specification stands for. Tensors among it are added to `found` by name, e.g. "added_cond_kwargs.time_ids"."""
    if not isinstance(specification, dict):
        raise TraceProblem("inputs", f'"{where}" needs a "shape", a "value", a "dict" or a "list".')
    if "value" in specification:
        return specification["value"]
    if isinstance(specification.get("dict"), dict):
        return {key: make(value, batch, f"{where}.{key}", found) for key, value in specification["dict"].items()}
    if isinstance(specification.get("list"), list):
        return [make(value, batch, f"{where}.{index}", found) for index, value in enumerate(specification["list"])]
    shape, dtype = specification.get("shape"), specification.get("dtype", "float32")
    if not isinstance(shape, list) or not isinstance(dtype, str) or dtype not in DTYPES:
        raise TraceProblem("inputs", f'"{where}" needs a "shape" (a list) and a "dtype" among {", ".join(DTYPES)}.')
    sides = [side_of(side, batch, where) for side in shape]
    elements = 1
    for side in sides:
        elements *= side
    if elements > MOST_ELEMENTS:
        raise TraceProblem("inputs", f'"{where}" has more than {MOST_ELEMENTS} elements.')
    kind = DTYPES[dtype]
    found[where] = torch.empty(sides, dtype=kind) if kind.is_floating_point else torch.zeros(sides, dtype=kind)
    return found[where]


def side_of(side: object, batch: int, where: str) -> int:
    if isinstance(side, str):
        factor = BATCH.fullmatch(side)
        if factor:
            return int(factor.group(1) or 1) * batch
    if not isinstance(side, int) or isinstance(side, bool) or side < 1:
        raise TraceProblem("inputs", f'A side of "{where}" is {side!r}; expected a whole number of at least 1, or "batch".')
    return side


def sizes_of(specifications: dict) -> dict:
    """Height and width of the first image or video, its frames, and the length of the first sequence; 1 where there is none."""
    shapes = list(tensor_shapes(specifications.values()))
    pictures = [shape for shape in shapes if len(shape) >= 4]
    sequences = [shape for shape in shapes if len(shape) in (2, 3) and shape[0] == "batch"]
    sizes = {"height": 1, "width": 1, "sequenceLength": 1}
    if pictures:
        sizes["height"], sizes["width"] = pictures[0][-2:]
        if len(pictures[0]) == 5:
            sizes["frames"] = pictures[0][2]
    if sequences:
        sizes["sequenceLength"] = sequences[0][1]
    return {name: size if isinstance(size, int) else 1 for name, size in sizes.items()}


def tensor_shapes(values):
    for value in values:
        if isinstance(value.get("dict"), dict):
            yield from tensor_shapes(value["dict"].values())
        elif isinstance(value.get("list"), list):
            yield from tensor_shapes(value["list"])
        elif "value" not in value:
            yield value["shape"]
