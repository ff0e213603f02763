"""A small compiler of programs by hand, for tests: 1F1B with a stage a rank, or looped, fills where the test says.

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
    """`cuts`: first unet layer of every stage but the first. No `fills`: frozen work first, data-parallel, not overlapped.

    `devices`: ranks of a replica, by default one a stage. With fewer, stage s is on rank s % devices and the ranks take
    all micro-batches through one stage after the other.
    """

    cuts: tuple[int, ...]
    microbatches: int
    fills: tuple[Fill, ...] = ()
    batch: int = 8
    replicas: int = 1
    devices: int | None = None
    training: Json = field(default_factory=dict)
    optimizer: Json = field(default_factory=dict)


def crossing(unet: Component, edges: list[int], stage: int, devices: int) -> list[str]:
    """Ids that stage - 1 sends to `stage`, in the order they are made: used from there on, by a rank that has not had them."""
    if stage in (0, len(edges) - 1):
        return []
    sent = []
    for made in range(edges[stage]):
        maker = next(s for s in range(stage) if made < edges[s + 1])
        reached = {s % devices for s in range(maker, stage)}
        users = [k for k in range(edges[stage], edges[-1]) if unet.output_id(made) in unet.layers[k].inputs]
        if any(next(s for s in range(len(edges)) if k < edges[s + 1]) % devices not in reached for k in users):
            sent.append(unet.output_id(made))
    return sent


def compile_program(recipe: Recipe, components: dict[str, Component]) -> Json:
    """The program document of a recipe."""
    unet = components["unet"]
    edges = [0, *recipe.cuts, len(unet.layers)]
    count = len(edges) - 1
    devices = recipe.devices or count
    crossings = [crossing(unet, edges, s, devices) for s in range(count + 1)]
    stages = [
        {
            "from": start, "to": stop, "devices": [replica * devices + s % devices for replica in range(recipe.replicas)],
            "receives": crossings[s], "sends": crossings[s + 1], "receivesGrad": crossings[s],
        }
        for s, (start, stop) in enumerate(pairwise(edges))
    ]
    world = devices * recipe.replicas
    fills = recipe.fills or _data_parallel(recipe, components, world)
    frozen = _frozen_operations(fills, components, stages, recipe)
    ranks = []
    for rank in range(world):
        held = range(rank % devices, count, devices)
        order = _one_f_one_b(held[0], count, recipe.microbatches) if len(held) == 1 else _looped(held, recipe.microbatches)
        chain = [_with_messages(*step, count, devices, rank) for step in order]
        before, after = frozen[rank]
        if recipe.fills:
            prologue = [{**o, "iteration": 0} for group in before.values() for o in group] + [
                {**o, "iteration": 0} for o in after]
            operations: list[Json] = []
            for key, group in chain:
                operations += before.pop(key, []) + group
            operations += before.get(("OPTIM", 0), []) + after
        else:
            prologue = []
            operations = [{**o, "iteration": 0} for o in [*before["OPTIM", 0], *after]]
            operations += [o for _, group in chain for o in group]
        operations += _step(recipe, stages, held)
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


_Step = tuple[str, int, int]
"""(operation, stage, micro-batch)."""


def _one_f_one_b(stage: int, count: int, microbatches: int) -> list[_Step]:
    warm = min(microbatches, count - 1 - stage)
    order = [("F", stage, m) for m in range(warm)]
    for m in range(microbatches):
        order += [("F", stage, m + warm)] if m + warm < microbatches else []
        order.append(("B", stage, m))
    return order


def _looped(held: range, microbatches: int) -> list[_Step]:
    batches = range(microbatches)
    return [("F", s, m) for s in held for m in batches] + [("B", s, m) for s in reversed(held) for m in batches]


def _with_messages(
    op: str, stage: int, m: int, count: int, devices: int, rank: int
) -> tuple[tuple[str, int], list[Json]]:
    """(operation, micro-batch) and it with its messages."""
    base = rank - rank % devices
    common = {"iteration": 0, "chain": "main", "stage": stage, "microbatch": m}
    source, target = (stage - 1, stage + 1) if op == "F" else (stage + 1, stage - 1)
    channel = "forward" if op == "F" else "backward"
    group = [{"op": op, **common}]
    if 0 <= source < count:
        tag = source * 1000 + m
        group.insert(0, {"op": "RECV", **common, "channel": channel, "peer": base + source % devices, "tag": tag})
    if 0 <= target < count:
        tag = stage * 1000 + m
        group.append({"op": "SEND", **common, "channel": channel, "peer": base + target % devices, "tag": tag})
    return (op, m), group


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
    world = (recipe.devices or len(stages)) * recipe.replicas
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
    replica = rank // (recipe.devices or len(stages))
    layers = [layer for s in stages if rank in s["devices"] for layer in unet.layers[s["from"] : s["to"]]]
    reads = output if output != ENCODINGS[1] else "data/noisy_latents"
    if not any(reads in layer.inputs for layer in layers):
        return None
    share = recipe.batch // recipe.replicas
    a, b = max(fill.samples[0], replica * share), min(fill.samples[1], (replica + 1) * share)
    return [a, b] if a < b else None


def _step(recipe: Recipe, stages: list[Json], held: range) -> list[Json]:
    common = [{"iteration": 0, "chain": "main", "stage": s} for s in reversed(held)]
    operations: list[Json] = []
    if recipe.replicas > 1:
        operations += [{"op": "REDUCE", **own, "peers": stages[own["stage"]]["devices"]} for own in common]
    if "maxGradNorm" in recipe.optimizer:
        operations.append({"op": "GRAD_NORM", "iteration": 0})
    for own in common:
        operations.append({"op": "OPTIM", **own})
        operations += [{"op": "EMA", **own}] if recipe.optimizer.get("ema") else []
    return operations
