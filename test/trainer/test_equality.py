"""Pipelined and filled training equals plain training in one process, float32; with a fault put in, it does not.

Tolerances: losses of 20 iterations 1e-4 relative; gradients of the first step 1e-5 of the norm of all of them;
parameters after the last step 1e-3 of how far training moved them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusionpipe_trainer.layers import Component
from diffusionpipe_trainer.reference import reference
from programs import Fill, Json, Recipe, compile_program
from safetensors.torch import load_file
from torch import Tensor

CLIPPED = {
    "training": {"predictionType": "sample", "randomFlip": True}, "optimizer": {"maxGradNorm": 0.5},
}
TEXT, VAE = (0, 5), (0, 11)
PLANS: dict[str, Recipe] = {
    # Rank 0 has two layers and all the frozen work, in its wait for the first backward.
    "very unequal cuts": Recipe(
        cuts=(2,), microbatches=2,
        fills=(Fill("text_encoder", TEXT, (0, 8), 0, ("B", 0)), Fill("vae", VAE, (0, 8), 0, ("B", 0))),
    ),
    # Partial-batch fills, and activations that move between ranks in both directions.
    "eight micro-batches, moved activations": Recipe(
        cuts=(12,), microbatches=8,
        fills=(
            Fill("vae", (0, 5), (0, 8), 1, ("F", 0)),
            Fill("text_encoder", (0, 2), (0, 8), 0, ("B", 0)),
            Fill("vae", (5, 11), (0, 3), 0, ("B", 0)),
            Fill("vae", (5, 11), (3, 8), 1, ("B", 5)),
            Fill("text_encoder", (2, 5), (0, 8), 1),
        ),
    ),
    "four micro-batches": Recipe(
        cuts=(10,), microbatches=4,
        fills=(
            Fill("text_encoder", TEXT, (0, 8), 1, ("F", 0)), Fill("vae", VAE, (0, 3), 0, ("B", 0)),
            Fill("vae", VAE, (3, 4), 0, ("B", 3)), Fill("vae", VAE, (4, 8), 1),
        ),
    ),
    # Skips that a rank made or got for an earlier stage of its own are kept there; so are their gradients.
    "two stages a rank": Recipe(
        cuts=(5, 11, 17), microbatches=4, devices=2,
        fills=(Fill("text_encoder", TEXT, (0, 8), 1, ("F", 0)), Fill("vae", VAE, (0, 8), 0)),
        optimizer={"maxGradNorm": 0.5},
    ),
    "no filling": Recipe(cuts=(10,), microbatches=4),
    "data-parallel, clipped, predicting the sample, flips": Recipe(cuts=(), microbatches=2, replicas=2, **CLIPPED),
}
FAULTS = ("late encodings", "zeroed skip", "scaled gradients")
FAULTY_PLAN = "four micro-batches"


@dataclass(frozen=True)
class Result:
    """What a run leaves behind."""

    losses: list[float]
    gradients: dict[str, Tensor]
    parameters: dict[str, Tensor]


def losses_of(run_dir: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def result_of(run_dir: Path, ranks: int = 2) -> Result:
    merged: list[dict[str, Tensor]] = [{}, {}]
    for rank in range(ranks):
        for target, kind in zip(merged, ("gradients", "parameters"), strict=True):
            target.update(torch.load(run_dir / f"{kind}-{rank}.pt"))
    return Result(losses_of(run_dir), *merged)


def plain_result(program: Path, model: Path, data: Path, run_dir: Path) -> Result:
    first: dict[str, Tensor] = {}

    def keep(step: int, parameters: dict[str, Any]) -> None:
        if step == 0:
            first.update({name: p.grad.clone() for name, p in parameters.items()})

    parameters = reference(program, model, data, run_dir, on_gradients=keep)
    return Result(losses_of(run_dir), first, {name: p.detach() for name, p in parameters.items()})


def norm(tensors: dict[str, Tensor]) -> float:
    return torch.cat([t.reshape(-1) for t in tensors.values()]).norm().item()


def distance(a: dict[str, Tensor], b: dict[str, Tensor]) -> float:
    assert a.keys() == b.keys()
    return norm({name: a[name] - b[name] for name in a})


def differences(run: Result, plain: Result, initial: dict[str, Tensor]) -> list[str]:
    """What is not equal; empty if all is."""
    found = []
    loss = max(abs(a - b) / abs(b) for a, b in zip(run.losses, plain.losses, strict=True))
    if not loss <= 1e-4:
        found.append(f"losses differ by {loss:.1e}")
    gradient = distance(run.gradients, plain.gradients) / norm(plain.gradients)
    if not gradient <= 1e-5:
        found.append(f"gradients differ by {gradient:.1e}")
    parameter = distance(run.parameters, plain.parameters) / distance(initial, plain.parameters)
    if not parameter <= 1e-3:
        found.append(f"parameters differ by {parameter:.1e}")
    print(f"loss {loss:.1e} gradient {gradient:.1e} parameter {parameter:.1e}")
    return found


@dataclass(frozen=True)
class Runs:
    """All runs of this file; each is made once."""

    folder: Path
    programs: dict[str, Json]
    plain: dict[str, Result]
    initial: dict[str, Tensor]


@pytest.fixture(scope="module")
def runs(
    tmp_path_factory: pytest.TempPathFactory, model: Path, data: Path, components: dict[str, Component],
    run_jobs: Callable[[list[dict[str, Any]]], None],
) -> Runs:
    folder = tmp_path_factory.mktemp("equality")
    programs = {name: compile_program(recipe, components) for name, recipe in PLANS.items()}
    jobs, plain, by_settings = [], {}, {}
    for index, (name, program) in enumerate(programs.items()):
        file = folder / f"{index}.program.json"
        file.write_text(json.dumps(program))
        settings = json.dumps([program["training"], program["optimizer"]])
        if settings not in by_settings:
            by_settings[settings] = plain_result(file, model, data, folder / f"plain {index}")
        plain[name] = by_settings[settings]
        job = {"program": str(file), "model": str(model), "data": str(data)}
        jobs.append({**job, "runDir": str(folder / name)})
        if name == FAULTY_PLAN:
            jobs += [{**job, "runDir": str(folder / fault), "fault": fault} for fault in FAULTS]
    run_jobs(jobs)
    weights = load_file(model / "unet" / "diffusion_pytorch_model.safetensors")
    return Runs(folder, programs, plain, {f"unet.{name}": value for name, value in weights.items()})


@pytest.mark.parametrize("plan", PLANS)
def test_equal(runs: Runs, plan: str) -> None:
    plain = runs.plain[plan]
    assert len(plain.losses) == 20
    assert plain.losses[-1] <= 0.8 * plain.losses[0], "the comparison is only worth something if training does something"
    assert differences(result_of(runs.folder / plan), plain, runs.initial) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_noticed(runs: Runs, fault: str) -> None:
    assert differences(result_of(runs.folder / fault), runs.plain[FAULTY_PLAN], runs.initial) != []


def test_skips_travel_through_a_middle_stage(
    tmp_path: Path, model: Path, data: Path, components: dict[str, Component],
    run_jobs: Callable[..., None],
) -> None:
    """Three stages: what the first makes for the last passes through the second, forward and back."""
    fills = (Fill("text_encoder", TEXT, (0, 8), 2, ("F", 0)), Fill("vae", VAE, (0, 8), 0, ("B", 0)))
    recipe = Recipe(cuts=(6, 17), microbatches=4, fills=fills, training={"steps": 6})
    file = tmp_path / "three.program.json"
    file.write_text(json.dumps(compile_program(recipe, components)))
    plain = plain_result(file, model, data, tmp_path / "plain")
    run_jobs([{"program": str(file), "model": str(model), "data": str(data), "runDir": str(tmp_path / "three")}], 3)
    weights = load_file(model / "unet" / "diffusion_pytorch_model.safetensors")
    initial = {f"unet.{name}": value for name, value in weights.items()}
    assert differences(result_of(tmp_path / "three", 3), plain, initial) == []


@pytest.mark.parametrize("plan", PLANS)
def test_the_timeline_is_the_program(runs: Runs, plan: str) -> None:
    timeline = json.loads((runs.folder / plan / "measured.timeline.json").read_text())
    program = runs.programs[plan]
    steps = program["training"]["steps"]
    assert timeline["source"] == "measured" and timeline["periodMs"] > 0 and 0 <= timeline["bubbleRatio"] < 1
    for rank in program["ranks"]:
        own = [o for o in timeline["operations"] if o["device"] == rank["rank"]]
        expected = [(o["op"], 0, *shape(o)) for o in rank["prologue"]]
        for step in range(steps):
            expected += [
                (o["op"], step + o["iteration"], *shape(o)) for o in rank["operations"]
                if step < steps - 1 or o["iteration"] == 0
            ]
        assert [(o["op"], o["iteration"], *shape(o)) for o in own] == expected
        assert all(a["endMs"] <= b["startMs"] for a, b in pairwise(own))
    for operation in timeline["operations"]:
        assert operation["startMs"] <= operation["endMs"] and operation["startMs"] >= 0
        for dependency in operation["deps"]:
            assert timeline["operations"][dependency]["startMs"] <= operation["endMs"] + timeline["clockSkewMs"]


def shape(operation: Json) -> tuple[Any, ...]:
    return tuple(str(operation.get(key)) for key in ("stage", "microbatch", "component", "layers", "samples", "peer"))


@pytest.mark.parametrize("plan", [name for name, recipe in PLANS.items() if recipe.fills])
def test_fills_stand_in_their_bubbles(runs: Runs, plan: str) -> None:
    """Each fill runs after the pipeline's operation before it and is done before its anchor starts, in every iteration."""
    timeline = json.loads((runs.folder / plan / "measured.timeline.json").read_text())
    for fill in PLANS[plan].fills:
        own = [o for o in timeline["operations"] if o["device"] == fill.rank]
        for step in range(19):
            anchor = next(
                o for o in own if o["op"] == fill.before[0] and o["iteration"] == step
                and o.get("microbatch", 0) == fill.before[1]
            )
            done = next(
                o for o in own if o["op"] == "FILL" and o["iteration"] == step + 1 and o["component"] == fill.component
                and o["layers"] == list(fill.layers) and o["samples"] == list(fill.samples) and o["startMs"] < anchor["endMs"]
            )
            before = [o for o in own if o["op"] in ("F", "B") and o["startMs"] < anchor["startMs"] and o is not anchor]
            assert max((o["endMs"] for o in before), default=0) <= done["startMs"]
            assert done["endMs"] <= anchor["startMs"]
