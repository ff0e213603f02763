"""Writes a trained pipeline as a diffusers folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from .atomic import whole_folder
from .model_folder import DIFFUSERS_WEIGHTS, TRANSFORMERS_WEIGHTS, ModelFolder


def gather_parameters(own: dict[str, Tensor], rank: int, world_size: int) -> dict[str, Tensor]:
    """On rank 0 the parameters of all ranks, on the CPU; elsewhere nothing. A collective call."""
    if rank != 0:
        dist.send_object_list([{name: tuple(t.shape) for name, t in own.items()}], 0)
        for tensor in own.values():
            dist.send(tensor.detach().to("cpu", torch.float32).contiguous(), 0)
        return {}
    gathered = {name: tensor.detach().cpu() for name, tensor in own.items()}
    for peer in range(1, world_size):
        names: list[dict[str, tuple[int, ...]]] = [{}]
        dist.recv_object_list(names, peer)
        for name, shape in names[0].items():
            gathered[name] = torch.empty(shape)
            dist.recv(gathered[name], peer)
    return gathered


def write_pipeline(source: ModelFolder, target: Path, trained: dict[str, Tensor], prediction_type: str) -> None:
    """Copy the pipeline `source` to `target` with the `trained` weights (`component.parameter` -> value) in place.

    The folder appears whole, under a temporary name first.
    """
    by_component: dict[str, dict[str, Tensor]] = {}
    for name, value in trained.items():
        component, _, parameter = name.partition(".")
        by_component.setdefault(component, {})[parameter] = value.contiguous()
    with whole_folder(target) as folder:
        shutil.copy2(source.path / "model_index.json", folder)
        for name in source.classes:
            if (source.path / name).is_dir():
                skipped = shutil.ignore_patterns("*.safetensors*", "*.bin*") if name in by_component else None
                shutil.copytree(source.path / name, folder / name, ignore=skipped)
        for name, weights in by_component.items():
            file = TRANSFORMERS_WEIGHTS if source.classes[name] == "CLIPTextModel" else DIFFUSERS_WEIGHTS
            save_file(_untrained_weights(source, name) | weights, folder / name / file, metadata={"format": "pt"})
        scheduler = folder / "scheduler" / "scheduler_config.json"
        config = json.loads(scheduler.read_text(encoding="utf-8"))
        config["prediction_type"] = prediction_type
        scheduler.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _untrained_weights(source: ModelFolder, name: str) -> dict[str, Tensor]:
    """What the source has under names that no stage trained, such as an autoencoder's decoder."""
    weights: dict[str, Tensor] = {}
    for file in sorted((source.path / name).glob("*.safetensors")):
        with safe_open(file, framework="pt") as stored:
            weights |= {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118 - not a dict
    return weights
