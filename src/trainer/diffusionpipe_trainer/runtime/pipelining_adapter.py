"""The one place that touches private parts of `torch.distributed.pipelining` (PyTorch 2.13).

`PipelineStage` keeps the activations between a micro-batch's forward and backward pass, runs autograd across the cut, and
owns the receive buffers. Its schedules are not used: the program says what runs when, and messages travel on own
process groups, one a direction, because a pending receive blocks sends on a shared communicator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.pipelining import PipelineStage
from torch.distributed.pipelining._utils import InferenceMode


@dataclass(frozen=True)
class KeptOutput:
    """An output of an earlier stage on the same rank, by its place among that stage's outputs."""

    source: StageRunner
    place: int


class StageRunner:
    """Forward and backward passes of one stage, micro-batch by micro-batch.

    `module(*received, **externals)` returns its outputs in order: what is sent to the next stage, then what later stages
    of this rank take (the prediction, on the last stage). `received` and `outputs` are examples on the meta device:
    shapes and types of what crosses the cuts; those that a gradient flows back through require grad. The last of
    `received` are not messages but `kept`: they are handed over here, and so are their gradients.
    """

    def __init__(
        self, module: nn.Module, index: int, count: int, device: torch.device, group: dist.ProcessGroup,
        received: Sequence[Tensor], outputs: Sequence[Tensor], sent: int, kept: Sequence[KeptOutput], microbatches: int,
    ) -> None:
        stage = PipelineStage(
            module, index, count, device,
            input_args=tuple(received), output_args=tuple(outputs),
            input_grads=_gradients(received), output_grads=_gradients(outputs),
            group=group,
        )
        stage.has_backward = True
        # With all shapes given, PyTorch's own schedules come to this mode too, after a vote over all stages.
        stage._inference_mode = InferenceMode.STATIC
        stage._prepare_forward_infra(microbatches, None, None, True)
        stage._prepare_backward_infra(microbatches)
        self._stage = stage
        self._arriving = len(received) - len(kept)
        self._sent = sent
        self._grads_sent = sum(1 for t in received[: self._arriving] if t.requires_grad)
        self._grads_arriving = sum(1 for t in outputs[:sent] if t.requires_grad)
        self._kept = {self._arriving + i: output for i, output in enumerate(kept)}
        self._learns = {place for place in self._kept if received[place].requires_grad}

    def forward_receive_buffers(self, microbatch: int) -> list[Tensor]:
        """Where the activations of a micro-batch arrive."""
        # A buffer that last served as an input is a leaf that requires grad; a receive writes into its storage.
        return [op.tensor.detach() for op in self._stage.get_fwd_recv_ops(microbatch)[: self._arriving]]

    def backward_receive_buffers(self, microbatch: int) -> list[Tensor]:
        """Where the gradients of what was sent for a micro-batch arrive."""
        return [op.tensor for op in self._stage.get_bwd_recv_ops(microbatch)[: self._grads_arriving]]

    def forward(self, microbatch: int, externals: Mapping[str, Tensor]) -> Tensor | tuple[Tensor, ...]:
        """Run the stage on what arrived, what was kept and `externals` (name -> tensor); keeps what backward needs."""
        for place, output in self._kept.items():
            outputs, _ = output.source._stage.fwd_cache[microbatch]
            self._stage.args_recv_info[microbatch][place].buffer = outputs[output.place].detach()
        return self._stage.forward_one_chunk(microbatch, (), dict(externals), save_forward_output=False)

    def forward_send_tensors(self, microbatch: int) -> list[Tensor]:
        """Activations for the next stage; valid between forward and backward of the micro-batch."""
        return [op.tensor for op in self._stage.get_fwd_send_ops(microbatch)[: self._sent]]

    def backward(self, microbatch: int, loss: Tensor | None) -> None:
        """Accumulate gradients of the stage's parameters, from `loss` on the last stage."""
        self._stage.backward_one_chunk(microbatch, loss=loss)
        for place in self._learns:
            output = self._kept[place]
            gradient = self._stage.bwd_cache[microbatch][place]
            arriving = output.source._stage.grad_recv_info[microbatch][output.place]
            arriving.buffer = torch.zeros_like(arriving.buffer) if gradient is None else gradient

    def backward_send_tensors(self, microbatch: int) -> list[Tensor]:
        """Gradients for the stage before; may be asked for once."""
        return [op.tensor.contiguous() for op in self._stage.get_bwd_send_ops(microbatch)[: self._grads_sent]]

    def end_iteration(self) -> None:
        """Forget the state of the iteration."""
        self._stage.clear_runtime_states()
        self._stage.bwd_cache.clear()


def _gradients(tensors: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    return tuple(torch.empty_like(t, requires_grad=False) if t.requires_grad else None for t in tensors)
