"""A small compiler of programs by hand, for tests: stages one a rank, 1F1B, fills where the test says.

It shares nothing with the planner's compiler, so that the trainer is judged against two makers of programs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from diffusionpipe_trainer.layers import Component

Json = dict[str, Any]
ENCODINGS = ("text_encoder/final_layer_norm", "vae/quant_conv")


@dataclass(frozen=True)
class Fill:
    """Layers [start, stop) of a component for samples [a, b), on a rank, before one of its operations."""

    component: str
    layers: tuple[int, int]
    samples: tuple[int, int]
    rank: int
    before: tuple[str, int] = ("OPTIM", 0)


@dataclass(frozen=True)
class Recipe:
    """`cuts`: first unet layer of every stage but the first. No `fills`: frozen work first, data-parallel, not overlapped."""

    cuts: tuple[int, ...]
    microbatches: int
    fills: tuple[Fill, ...] = ()
    batch: int = 8
    replicas: int = 1
    training: Json = field(default_factory=dict)
    optimizer: Json = field(default_factory=dict)


def crossing(unet: Component, cut: int) -> list[str]:
    """Ids made before a cut and used after it, in the order they are made."""
    made = [unet.output_id(i) for i in range(cut)]
    used = {i for layer in unet.layers[cut:] for i in layer.inputs}
    return [i for i in made if i in used]


def compile_program(recipe: Recipe, components: dict[str, Component]) -> Json:
    """The program document of a recipe."""
    unet = components["unet"]
    edges = [0, *recipe.cuts, len(unet.layers)]
    count = len(edges) - 1
    stages = [
        {
            "from": start, "to": stop, "devices": [replica * count + s for replica in range(recipe.replicas)],
            "receives": crossing(unet, start), "sends": crossing(unet, stop), "receivesGrad": crossing(unet, start),
        }
        for s, (start, stop) in enumerate(pairwise(edges))
    ]
    world = count * recipe.replicas
    fills = recipe.fills or _data_parallel(recipe, components, world)
    frozen = _frozen_operations(fills, components, stages, recipe)
    ranks = []
    for rank in range(world):
        stage = rank % count
        chain = _one_f_one_b(stage, count, recipe.microbatches, rank)
        before, after = frozen[rank]
        if recipe.fills:
            prologue = [{**o, "iteration": 0} for group in before.values() for o in group] + [
                {**o, "iteration": 0} for o in after]
            operations: list[Json] = []
            for key, group in chain:
                operations += before.get(key, []) + group
            operations += before.get(("OPTIM", 0), []) + after
        else:
            prologue = []
            operations = [{**o, "iteration": 0} for o in [*before["OPTIM", 0], *after]]
            operations += [o for _, group in chain for o in group]
        operations += _step(recipe, stages[stage], rank)
        ranks.append({"rank": rank, "prologue": prologue, "operations": operations})
    return {
        "format": "diffusionpipe.program/1",
        "model": {"path": "model", "sha256": ""},
        "worldSize": world, "dataParallel": recipe.replicas,
        "batch": {"global": recipe.batch, "microbatches": recipe.microbatches},
        "optimizer": {"name": "adamw", "stateBytesPerParam": 8, "gradDtype": "fp32", "ema": False, **recipe.optimizer},
        "training": {
            "steps": 20, "learningRate": 1e-3, "seed": 7, "resolution": 32, "precision": "fp32",
            "predictionType": "epsilon", "checkpointEvery": 0, **recipe.training,
        },
        "components": [
            {"name": name, "role": "trained" if name == "unet" else "frozen", "after": [],
             "layers": [layer.name for layer in component.layers]}
            for name, component in components.items()
        ],
        "chains": [{"id": "main", "segments": [{"component": "unet", "from": 0, "to": edges[-1]}], "stages": stages}],
        "ranks": ranks,
    }


def _one_f_one_b(stage: int, count: int, microbatches: int, rank: int) -> list[tuple[tuple[str, int], list[Json]]]:
    """(operation, micro-batch) -> it with its messages, in the order of 1F1B."""
    warm = min(microbatches, count - 1 - stage)
    order = [("F", m) for m in range(warm)]
    for m in range(microbatches):
        order += [("F", m + warm)] if m + warm < microbatches else []
        order.append(("B", m))
    groups = []
    for op, m in order:
        common = {"iteration": 0, "chain": "main", "stage": stage, "microbatch": m}
        source, target = (rank - 1, rank + 1) if op == "F" else (rank + 1, rank - 1)
        first, last = (stage == 0, stage == count - 1) if op == "F" else (stage == count - 1, stage == 0)
        channel = "forward" if op == "F" else "backward"
        group = [{"op": op, **common}]
        if not first:
            group.insert(0, {"op": "RECV", **common, "channel": channel, "peer": source, "tag": m})
        if not last:
            group.append({"op": "SEND", **common, "channel": channel, "peer": target, "tag": m})
        groups.append(((op, m), group))
    return groups


def _data_parallel(recipe: Recipe, components: dict[str, Component], world: int) -> tuple[Fill, ...]:
    share = recipe.batch // world
    return tuple(
        Fill(name, (0, len(component.layers)), (rank * share, (rank + 1) * share), rank)
        for name, component in components.items() if name != "unet" for rank in range(world)
    )


def _frozen_operations(
    fills: tuple[Fill, ...], components: dict[str, Component], stages: list[Json], recipe: Recipe
) -> list[tuple[dict[tuple[str, int], list[Json]], list[Json]]]:
    """Per rank: operations before each anchor, and the receives of encodings at the end of the iteration."""
    world = len(stages) * recipe.replicas
    result: list[tuple[dict[tuple[str, int], list[Json]], list[Json]]] = [({}, []) for _ in range(world)]
    tags = iter(range(10_000))
    for fill in fills:
        output = components[fill.component].output_id(fill.layers[1] - 1)
        group = result[fill.rank][0].setdefault(fill.before, [])
        for source in _producers(fill, fills):
            a, b = max(source.samples[0], fill.samples[0]), min(source.samples[1], fill.samples[1])
            message = {
                "iteration": 1, "channel": "intermediate", "samples": [a, b], "tag": next(tags),
                "tensors": [components[fill.component].output_id(fill.layers[0] - 1)],
            }
            result[source.rank][0][source.before].append({"op": "SEND", **message, "peer": fill.rank})
            group.append({"op": "RECV", **message, "peer": source.rank})
        group.append({
            "op": "FILL", "iteration": 1, "component": fill.component, "layers": list(fill.layers),
            "samples": list(fill.samples),
        })
        if output in ENCODINGS:
            for rank in range(world):
                if rank != fill.rank and (rows := _needed(output, rank, fill, components["unet"], stages, recipe)):
                    message = {"iteration": 1, "channel": "encoding", "samples": rows, "tag": next(tags), "tensors": [output]}
                    group.append({"op": "REDISTRIBUTE", "direction": "send", **message, "peer": rank})
                    result[rank][1].append({"op": "REDISTRIBUTE", "direction": "receive", **message, "peer": fill.rank})
    return result


def _producers(fill: Fill, fills: tuple[Fill, ...]) -> list[Fill]:
    """Fills of other ranks whose output this one starts from."""
    return [
        f for f in fills
        if f.component == fill.component and f.layers[1] == fill.layers[0] and f.rank != fill.rank
        and f.samples[0] < fill.samples[1] and fill.samples[0] < f.samples[1]
    ]


def _needed(
    output: str, rank: int, fill: Fill, unet: Component, stages: list[Json], recipe: Recipe
) -> list[int] | None:
    """Rows of an encoding that a rank's stage reads."""
    replica, index = divmod(rank, len(stages))
    layers = unet.layers[stages[index]["from"] : stages[index]["to"]]
    reads = output if output != ENCODINGS[1] else "data/noisy_latents"
    if not any(reads in layer.inputs for layer in layers):
        return None
    share = recipe.batch // recipe.replicas
    a, b = max(fill.samples[0], replica * share), min(fill.samples[1], (replica + 1) * share)
    return [a, b] if a < b else None


def _step(recipe: Recipe, stage: Json, rank: int) -> list[Json]:
    operations: list[Json] = []
    if recipe.replicas > 1:
        operations.append({"op": "REDUCE", "iteration": 0, "peers": stage["devices"]})
    if "maxGradNorm" in recipe.optimizer:
        operations.append({"op": "GRAD_NORM", "iteration": 0})
    operations.append({"op": "OPTIM", "iteration": 0})
    return operations + ([{"op": "EMA", "iteration": 0}] if recipe.optimizer.get("ema") else [])
