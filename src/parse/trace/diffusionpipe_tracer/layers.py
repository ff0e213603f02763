"""Which calls of modules are the layers.

From the model down, a call gives way to the calls inside it
- where it is the model itself,
- where it is a container: it calls members of a list (ModuleList, Sequential), all of them made of modules again, and two of one class,
- where it is more than `maxShare` of the model's FLOPs or parameters, and two or more calls inside it count,
the heaviest first, while there are no more than `maxLayers` layers, and no deeper than `maxDepth`.

A call counts where it has FLOPs of its own or at least 1 % of the parameters. All other work between two layers
(activations, norms, dropouts, functional code) is divided between them where the fewest bytes are alive: a residual's
addition stays with the layer before it, a concatenation goes to the one after it. So the layers are consecutive, and
everything that runs is in one of them.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import accumulate

from torch import nn

from .record import Recording

LEAST_SHARE = 0.01
LISTS = (nn.ModuleList, nn.ModuleDict, nn.Sequential)


@dataclass
class Layer:
    """Operators [start, end) of the recording; `call` is the one that the layer is called after."""

    name: str
    call: int
    start: int
    end: int


class Weights:
    """A call's shares of the model's FLOPs and parameters."""

    def __init__(self, recording: Recording):
        self.recording = recording
        self.flops = [0]
        for item in recording.forward:
            self.flops.append(self.flops[-1] + item.flops)
        self.parameters = sum(parameter.numel() for parameter in recording.module.parameters())
        self.held = {id(call.module): sum(parameter.numel() for parameter in call.module.parameters()) for call in recording.calls}

    def flops_of(self, index: int) -> int:
        call = self.recording.calls[index]
        return self.flops[call.end] - self.flops[call.start]

    def share(self, index: int) -> float:
        held = self.held[id(self.recording.calls[index].module)]
        return max(self.flops_of(index) / max(1, self.flops[-1]), held / max(1, self.parameters))

    def counts(self, index: int) -> bool:
        held = self.held[id(self.recording.calls[index].module)]
        return self.flops_of(index) > 0 or held > 0 and held >= LEAST_SHARE * self.parameters


def choose_calls(recording: Recording, options: dict) -> list[int]:
    """Indices of the calls that layers are called after, in order of execution."""
    most, depth, most_share = options["maxLayers"], options["maxDepth"], options["maxShare"]
    weights = Weights(recording)
    modules = dict(recording.module.named_modules())
    chosen = {0}
    waiting = [(-weights.share(0), 0, 0)]
    while waiting:
        _, index, level = heapq.heappop(waiting)
        inside = [child for child in recording.calls[index].children if weights.counts(child)]
        opened = bool(inside) and (index == 0 or is_container(recording, modules, index, inside) or weights.share(index) > most_share and (len(inside) > 1 or opens(recording, weights, inside[0])))
        if not opened or level >= depth or len(chosen) - 1 + len(inside) > most:
            continue
        chosen.discard(index)
        for child in inside:
            chosen.add(child)
            heapq.heappush(waiting, (-weights.share(child), child, level + 1))
    return sorted(chosen)


def opens(recording: Recording, weights: Weights, index: int) -> bool:
    """A wrapper around one module is looked into where that one, or one further in, has several that count."""
    inside = [child for child in recording.calls[index].children if weights.counts(child)]
    while len(inside) == 1:
        inside = [child for child in recording.calls[inside[0]].children if weights.counts(child)]
    return len(inside) > 1


def is_container(recording: Recording, modules: dict[str, nn.Module], index: int, inside: list[int]) -> bool:
    lists: dict[str, list[int]] = {}
    for child in inside:
        parent = recording.calls[child].path.rpartition(".")[0]
        if isinstance(modules.get(parent), LISTS):
            lists.setdefault(parent, []).append(child)
    for members in lists.values():
        classes = [type(recording.calls[member].module) for member in members]
        if all(recording.calls[member].children for member in members) and len(set(classes)) < len(classes):
            return True
    return False


def bounded(recording: Recording, chosen: list[int]) -> list[Layer]:
    """
    The calls' layers in a pass: what runs between two of them is divided where the fewest bytes are alive; among such places
    inside as few modules as can be, so that a module keeps its end; then at the earliest.
    """
    live, depth = live_bytes(recording), open_calls(recording)
    layers: list[Layer] = []
    seen: dict[str, int] = {}
    for index, following in zip(chosen, [*chosen[1:], None]):
        call = recording.calls[index]
        path = call.path or type(recording.module).__name__
        seen[path] = seen.get(path, 0) + 1
        name = path if seen[path] == 1 else f"{path}@{seen[path]}"
        end = len(recording.forward) if following is None else min(places(recording, index, following), key=lambda place: (live[place], depth[place], place))
        layers.append(Layer(name, index, layers[-1].end if layers else 0, end))
    return layers


def places(recording: Recording, index: int, following: int) -> list[int]:
    """Before which operators the model can be cut between two calls: not inside a call of a third module between them."""
    start, end = recording.calls[index].end, recording.calls[following].start
    inside = set()
    for call in recording.calls[index + 1 : following]:
        if start <= call.start and call.end <= end:
            inside.update(range(call.start + 1, call.end))
    return [place for place in range(start, end + 1) if place not in inside]


def open_calls(recording: Recording) -> list[int]:
    """Before each operator, and after the last: how many calls have begun before it and end after it."""
    steps = [0] * (len(recording.forward) + 2)
    for call in recording.calls:
        if call.end > call.start:
            steps[call.start + 1] += 1
            steps[call.end] -= 1
    return list(accumulate(steps))


def live_bytes(recording: Recording) -> list[int]:
    """Before each operator, and after the last: bytes of what was made before and is still read."""
    made: dict[tuple[int, int], tuple[int, int]] = {}
    last: dict[tuple[int, int], int] = {}
    for position, item in enumerate(recording.forward):
        for storage, version, size in item.writes:
            if storage not in recording.named:
                made[storage, version] = (position, size)
        if not item.is_view:
            last.update(((read.storage, read.version), position) for read in item.reads)
    last.update(((read.storage, read.version), len(recording.forward)) for read in recording.outputs)
    steps = [0] * (len(recording.forward) + 2)
    for value, (position, size) in made.items():
        if last.get(value, -1) > position:
            steps[position + 1] += size
            steps[last[value] + 1] -= size
    return list(accumulate(steps))


def modules_of(recording: Recording, layer: Layer) -> list[int]:
    """The outermost calls inside the layer that hold parameters, in order of execution."""
    result: list[int] = []
    end = -1
    for index, call in enumerate(recording.calls):
        if layer.start <= call.start and call.end <= layer.end and call.start >= end and (call.end > call.start or index == layer.call):
            if any(True for _ in call.module.parameters()):
                result.append(index)
                end = call.end
    return result
