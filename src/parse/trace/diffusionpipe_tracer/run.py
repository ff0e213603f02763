"""From a request to the document."""

from __future__ import annotations

import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensorMode

from .arguments import make, specifications
from .construct import build, find_class, settings_of
from .document import describe
from .problem import TraceProblem, last_line
from .record import Recording, record

# Who gets gradients: parameters alone, parameters and inputs, inputs alone.
PASSES = {"trained": (True, False), "trainedThroughout": (True, True), "passedThrough": (False, True)}


def run(request: dict, batches: tuple[int, ...]) -> dict:
    cls = find_class(request["class"])
    with FakeTensorMode(allow_non_fake_inputs=True):
        module = build(cls, request.get("config", {}))
        module.train()
        settings = settings_of(module, request.get("config", {}))
        wanted = specifications(module, settings, request["inputs"], request["sizes"])
        passes = {batch: {kind: one_pass(module, wanted, batch, *learning, request["options"]["maxOperators"]) for kind, learning in PASSES.items()} for batch in batches}
    return describe(request["class"], passes, wanted, request["options"], request["exports"])


def one_pass(module: torch.nn.Module, wanted: dict, batch: int, trained: bool, inputs_learn: bool, most: int) -> Recording:
    tensors: dict[str, torch.Tensor] = {}
    arguments = {name: make(specification, batch, name, tensors) for name, specification in wanted.items()}
    try:
        recording = record(module, arguments, tensors, trained, inputs_learn, most)
    except (DataDependentOutputException, DynamicOutputShapeException) as error:
        raise TraceProblem("values", f"The forward pass depends on a tensor's values, which a trace does not have: {last_line(error)}", error) from error
    except TraceProblem:
        raise
    except (Exception, SystemExit) as error:
        raise TraceProblem("forward", f"The forward pass fails with {batch} samples: {last_line(error)}", error) from error
    if not recording.calls or not recording.forward:
        raise TraceProblem("forward", "The forward pass calls no operator of torch.")
    return recording
