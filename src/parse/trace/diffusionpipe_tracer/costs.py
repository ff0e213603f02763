"""What each layer costs in one recorded pass: FLOPs of F, I and W, memory traffic, and what it keeps for its backward pass.

I is the backward work that leads to gradients for other layers or for the model's inputs; W is all the rest, so that it holds
the backward between a layer's own parameters where nothing before it wants a gradient. A tensor that autograd keeps
counts once in each layer that keeps it, whole, however small the view: until W where work of W reads it, otherwise until I.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from .layers import Layer
from .record import Recording

@dataclass
class Cost:
    forwardFlops: int = 0
    inputGradFlops: int = 0
    weightGradFlops: int = 0
    trafficBytes: int = 0
    savedUntilInputGradBytes: int = 0
    savedUntilWeightGradBytes: int = 0


def layer_costs(recording: Recording, layers: list[Layer]) -> list[Cost]:
    costs = [Cost() for _ in layers]
    kept: list[dict[int, int]] = [{} for _ in layers]
    for layer, cost in zip(layers, costs):
        for item in recording.forward[layer.start : layer.end]:
            if not item.is_view:
                cost.forwardFlops += item.flops
                cost.trafficBytes += sum(read.bytes for read in item.reads if read.storage not in recording.named)
                cost.trafficBytes += sum(size for storage, _, size in item.writes if storage not in recording.named)
    owner_of = owners(recording, layers)
    for saved in recording.saved:
        owner = owner_of(saved.sequence - 1)
        if owner is not None:
            kept[owner][saved.storage] = saved.bytes
    read_by_w: list[set[int]] = [set() for _ in layers]
    for item, owner, (leads_out, stays) in backward_work(recording, layers):
        if owner is None:
            continue
        if item.parts is not None:
            by_input, by_weight = item.parts
            costs[owner].weightGradFlops += by_weight
            if leads_out:
                costs[owner].inputGradFlops += by_input
            else:
                costs[owner].weightGradFlops += by_input
        elif leads_out:
            costs[owner].inputGradFlops += item.flops
        else:
            costs[owner].weightGradFlops += item.flops
        if stays:
            read_by_w[owner].update(read.storage for read in item.reads)
    for cost, storages, until_w in zip(costs, kept, read_by_w):
        for storage, size in storages.items():
            if storage in until_w:
                cost.savedUntilWeightGradBytes += size
            else:
                cost.savedUntilInputGradBytes += size
    return costs


def owners(recording: Recording, layers: list[Layer]):
    """Layer of an autograd node by its number. None for a node that no operator of the forward pass made: a gradient's accumulation."""
    ends = [layer.end for layer in layers]

    def owner(number: int) -> int | None:
        position = recording.operator_of_node(number)
        return bisect_right(ends, position) if position < ends[-1] else None

    return owner


def backward_work(recording: Recording, layers: list[Layer]):
    """[(item, layer, (it leads to another layer's or an input's gradient, it makes something that does not))], last first."""
    owner_of = owners(recording, layers)
    # A parameter used twice: its gradients are added by autograd itself, at whatever node it has just run.
    of_parameters = set(recording.parameter_gradients)
    readers: dict[tuple[int, int], list[tuple[int | None, bool]]] = {}
    result = []
    for item in reversed(recording.backward):
        mine = owner_of(item.sequence)
        if item.name.startswith("aten.add") and any(storage in of_parameters for storage, _, _ in item.writes):
            of_parameters.update(read.storage for read in item.reads)
            mine = None
        leads_out, stays = False, False
        for storage, version, _ in item.writes:
            useful = storage in recording.input_gradients or any(
                theirs is not None and (theirs != mine or onward) for theirs, onward in readers.get((storage, version), ())
            )
            leads_out = leads_out or useful
            stays = stays or not useful
        if item.is_view:  # Whoever reads the view reads its storage.
            leads_out, stays = False, False
        else:
            for read in item.reads:
                readers.setdefault((read.storage, read.version), []).append((mine, leads_out))
        result.append((item, mine, (leads_out, stays)))
    return result
