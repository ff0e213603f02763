"""Checkpoints under original parameter names, so that another partition of the model can load them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp

from ..errors import UserError
from .optimizer import StageOptimizer


def save_checkpoint(run_dir: Path, step: int, optimizers: Collection[StageOptimizer], rank: int) -> None:
    """Write `checkpoints/step-NNNNNNNN` (`step` iterations are done). A collective call; all ranks share `run_dir`.

    Random numbers and the position in the data follow from the step; encodings of the next iteration are made again.
    """
    target = run_dir / "checkpoints" / f"step-{step:08d}"
    temporary = target.with_name(f".{target.name}.tmp")
    if rank == 0:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
    dist.barrier()
    dcp.save(_state(optimizers, step), checkpoint_id=str(temporary))
    dist.barrier()
    if rank == 0:
        shutil.rmtree(target, ignore_errors=True)
        os.rename(temporary, target)


def load_checkpoint(folder: Path, optimizers: Collection[StageOptimizer]) -> int:
    """Load this rank's parameters and optimizer states; returns the number of iterations done."""
    if not (folder / ".metadata").is_file():
        raise UserError("This is not a whole checkpoint.", folder)
    state = _state(optimizers, 0)
    dcp.load(state, checkpoint_id=str(folder))
    with torch.no_grad():
        for optimizer in optimizers:
            for name, parameter in optimizer.parameters.items():
                parameter.copy_(state[f"model.{name}"])
                own = optimizer.adamw.state[parameter]
                for key in own:
                    own[key].copy_(state[f"optimizer.{name}.{key}"])
            for name, average in (optimizer.average or {}).items():
                average.copy_(state[f"ema.{name}"])
    return int(state["step"].item())


def _state(optimizers: Collection[StageOptimizer], step: int) -> dict[str, Any]:
    state: dict[str, Any] = {"step": torch.tensor(step)}
    for optimizer in optimizers:
        for name, parameter in optimizer.parameters.items():
            state[f"model.{name}"] = parameter.detach()
            own = optimizer.adamw.state[parameter]
            if not own:
                own |= {
                    "step": torch.zeros(()), "exp_avg": torch.zeros_like(parameter), "exp_avg_sq": torch.zeros_like(parameter),
                }
            state |= {f"optimizer.{name}.{key}": value for key, value in own.items()}
        state |= {f"ema.{name}": average for name, average in (optimizer.average or {}).items()}
    return state
