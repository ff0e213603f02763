"""Dispatches a rank's operations in list order. It decides nothing: what runs when is in the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from ..data import ImageData
from ..layers.layer import NOISY_LATENTS, PIXELS, TIMESTEPS, TOKEN_IDS, Component, run_layers
from ..objective import Objective
from ..program import Operation, Program, RankProgram
from .channels import Channels
from .optimizer import StageOptimizer, clip_to_norm
from .pipelining_adapter import StageRunner
from .recorder import Recorder
from .stage import StageModule
from .store import FrozenStore

GradientHook = Callable[[int, StageOptimizer], None]


@dataclass(frozen=True)
class RankStage:
    """A stage of a chain that this rank holds, as replica `replica`."""

    module: StageModule
    runner: StageRunner
    optimizer: StageOptimizer
    replica: int
    is_last: bool


@dataclass(frozen=True)
class RankWork:
    """Everything a rank needs to run its part of a program."""

    program: Program
    own: RankProgram
    device: torch.device
    wire: torch.dtype
    autocast: torch.dtype | None
    components: dict[str, Component]
    stages: dict[tuple[str, int], RankStage]
    channels: Channels
    reduce_groups: dict[tuple[int, ...], dist.ProcessGroup]
    frozen_shapes: dict[str, torch.Size]
    moments_id: str
    data: ImageData
    objective: Objective
    recorder: Recorder
    on_gradients: GradientHook | None = None

    @property
    def optimizers(self) -> list[StageOptimizer]:
        """Those of all stages of the rank."""
        return [stage.optimizer for stage in self.stages.values()]

    def result(self) -> dict[str, Tensor]:
        """What the rank has trained, under original names."""
        return {name: value for optimizer in self.optimizers for name, value in optimizer.result().items()}


class Executor:
    """Runs iterations of one rank. Iterations are numbered from 0; the prologue serves the first that is run."""

    def __init__(self, work: RankWork) -> None:
        self.work = work
        self.store = FrozenStore()
        self._losses: dict[int, Tensor] = {}
        self._loss_sum: Tensor = torch.zeros(())
        self._handlers: dict[str, Callable[[Operation, int], None]] = {
            "F": self._forward, "B": self._backward, "FILL": self._fill, "REDUCE": self._reduce,
            "GRAD_NORM": self._grad_norm, "OPTIM": self._optimize, "EMA": self._average,
        }

    def prologue(self, first: int) -> None:
        """The frozen work of iteration `first`, before anything can overlap it."""
        self._read_ahead(self.work.own.prologue, first)
        self._run(self.work.own.prologue, first, standing=-1)
        self._read_ahead(self.work.own.operations, first)

    def iteration(self, number: int, *, last: bool) -> float:
        """Run one iteration; the last leaves out work for a next one. Returns this rank's part of the mean loss."""
        operations = [o for o in self.work.own.operations if not (last and o.iteration == 1)]
        if not last:
            self._read_ahead(operations, number + 1)
        self._loss_sum = torch.zeros((), device=self.work.device)
        self._run(operations, number, standing=number)
        for stage in self.work.stages.values():
            stage.runner.end_iteration()
        self.store.end_iteration(number)
        # Sends of this iteration go on in the background; those of the one before have long been received.
        self.work.channels.release(number if last else number - 1)
        return self._loss_sum.item()

    def _run(self, operations: Sequence[Operation], number: int, standing: int) -> None:
        work = self.work
        arriving: dict[int, list[Tensor]] = {}
        for handle, operation in enumerate(operations):
            if operation.receives:
                arriving[handle] = self._buffers(operation)
                work.channels.post(handle, operation, arriving[handle])
        for handle, operation in enumerate(operations):
            with work.recorder.operation(operation, standing):
                if operation.receives:
                    work.channels.wait(handle)
                    self._arrived(operation, number, arriving.pop(handle))
                elif operation.sends:
                    self._send(operation, number)
                else:
                    self._handlers[operation.op](operation, number)
        work.recorder.end_iteration()

    def _read_ahead(self, operations: Sequence[Operation], number: int) -> None:
        for operation in operations:
            if operation.op == "FILL" and self._first_input(operation) == PIXELS:
                self.work.data.read_ahead(number + operation.iteration, operation.samples)

    def _first_input(self, operation: Operation) -> str:
        return self.work.components[operation.component].layers[operation.layers[0]].inputs[0]

    # Stages

    def _stage(self, operation: Operation) -> RankStage:
        return self.work.stages[operation.chain, operation.stage]

    def _forward(self, operation: Operation, number: int) -> None:
        work, stage = self.work, self._stage(operation)
        samples = work.program.samples_of(stage.replica, operation.microbatch)
        externals = {i: self._external(i, number, samples) for i in stage.module.externals}
        output = stage.runner.forward(operation.microbatch, externals)
        if stage.is_last:
            moments = (
                self.store.get(number, work.moments_id, samples) if work.objective.needs_moments_for_target() else None
            )
            target = work.objective.target(number, samples, moments).to(work.device)
            # Divided here, so that gradients of micro-batches and replicas add up to those of the whole batch.
            parts = work.program.microbatches * work.program.data_parallel
            loss = torch.nn.functional.mse_loss(output, target) / parts
            self._losses[operation.microbatch] = loss
            self._loss_sum += loss.detach()

    def _external(self, tensor_id: str, number: int, samples: tuple[int, int]) -> Tensor:
        work = self.work
        if tensor_id == TIMESTEPS:
            return work.objective.timesteps(number, samples).to(work.device)
        if tensor_id == NOISY_LATENTS:
            return work.objective.noisy_latents(number, samples, self.store.get(number, work.moments_id, samples))
        return self.store.get(number, tensor_id, samples)

    def _backward(self, operation: Operation, number: int) -> None:
        self._stage(operation).runner.backward(operation.microbatch, self._losses.pop(operation.microbatch, None))

    # Frozen work

    def _fill(self, operation: Operation, number: int) -> None:
        work, serves = self.work, number + operation.iteration
        component = work.components[operation.component]
        first, last = operation.layers[0], operation.layers[1] - 1
        source = self._first_input(operation)
        if source == PIXELS:
            rows = work.data.pixels(serves, operation.samples).to(work.device)
        elif source == TOKEN_IDS:
            rows = work.data.token_ids(serves, operation.samples).to(work.device)
        else:
            rows = self.store.get(serves, source, operation.samples)
            self.store.discard(serves, source, operation.samples)
        tensors = {source: rows}
        with torch.no_grad(), torch.autocast(work.device.type, work.autocast, enabled=work.autocast is not None):
            run_layers(component.name, component.layers[first : last + 1], tensors)
        output = component.output_id(last)
        self.store.put(serves, output, operation.samples, tensors[output].to(work.wire))

    # Messages

    def _buffers(self, operation: Operation) -> list[Tensor]:
        if operation.channel == "forward":
            return self._stage(operation).runner.forward_receive_buffers(operation.microbatch)
        if operation.channel == "backward":
            return self._stage(operation).runner.backward_receive_buffers(operation.microbatch)
        rows = operation.samples[1] - operation.samples[0]
        return [
            torch.empty((rows, *self.work.frozen_shapes[i]), dtype=self.work.wire, device=self.work.device)
            for i in operation.tensors
        ]

    def _arrived(self, operation: Operation, number: int, buffers: list[Tensor]) -> None:
        if operation.channel in ("intermediate", "encoding"):
            for tensor_id, rows in zip(operation.tensors, buffers, strict=True):
                self.store.put(number + operation.iteration, tensor_id, operation.samples, rows)

    def _send(self, operation: Operation, number: int) -> None:
        if operation.channel == "forward":
            tensors = self._stage(operation).runner.forward_send_tensors(operation.microbatch)
        elif operation.channel == "backward":
            tensors = self._stage(operation).runner.backward_send_tensors(operation.microbatch)
        else:
            serves = number + operation.iteration
            tensors = [self.store.get(serves, i, operation.samples).contiguous() for i in operation.tensors]
            if operation.channel == "intermediate":
                for tensor_id in operation.tensors:
                    self.store.discard(serves, tensor_id, operation.samples)
        self.work.channels.send(operation, tensors, number)

    # The step

    def _reduce(self, operation: Operation, number: int) -> None:
        group = self.work.reduce_groups[reduce_key(operation, self.work.own.rank)]
        self._stage(operation).optimizer.reduce(group)

    def _grad_norm(self, operation: Operation, number: int) -> None:
        clip_to_norm(self.work.optimizers, self.work.program.data_parallel, self.work.program.max_grad_norm)

    def _optimize(self, operation: Operation, number: int) -> None:
        optimizer = self._stage(operation).optimizer
        if self.work.on_gradients is not None:
            self.work.on_gradients(number, optimizer)
        optimizer.step()

    def _average(self, operation: Operation, number: int) -> None:
        self._stage(operation).optimizer.update_average(number)


def reduce_key(operation: Operation, rank: int) -> tuple[int, ...]:
    """The ranks that reduce together."""
    return tuple(sorted({rank, *operation.peers}))
