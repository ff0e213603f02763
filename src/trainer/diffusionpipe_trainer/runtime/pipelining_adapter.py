"""The one place that touches private parts of `torch.distributed.pipelining` (PyTorch 2.13).

`PipelineStage` keeps the activations between a micro-batch's forward and backward pass, runs autograd across the cut, and
owns the receive buffers. Its schedules are not used: the program says what runs when, and messages travel on own
process groups, one a direction, because a pending receive blocks sends on a shared communicator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.pipelining import PipelineStage
from torch.distributed.pipelining._utils import InferenceMode


class StageRunner:
    """Forward and backward passes of one stage, micro-batch by micro-batch.

    `module(*received, **externals)` returns the tensors to send, in order (the prediction, on the last stage).
    `received` and `sent` are examples on the meta device: shapes and types of what crosses the cuts; those that a
    gradient flows back through require grad.
    """

    def __init__(
        self, module: nn.Module, index: int, count: int, device: torch.device, group: dist.ProcessGroup,
        received: Sequence[Tensor], sent: Sequence[Tensor], microbatches: int,
    ) -> None:
        stage = PipelineStage(
            module, index, count, device,
            input_args=tuple(received), output_args=tuple(sent),
            input_grads=_gradients(received), output_grads=_gradients(sent),
            group=group,
        )
        stage.has_backward = True
        # With all shapes given, PyTorch's own schedules come to this mode too, after a vote over all stages.
        stage._inference_mode = InferenceMode.STATIC
        stage._prepare_forward_infra(microbatches, None, None, True)
        stage._prepare_backward_infra(microbatches)
        self._stage = stage
        self._losses: dict[int, Tensor] = {}

    def forward_receive_buffers(self, microbatch: int) -> list[Tensor]:
        """Where the activations of a micro-batch arrive."""
        # A buffer that last served as an input is a leaf that requires grad; a receive writes into its storage.
        return [op.tensor.detach() for op in self._stage.get_fwd_recv_ops(microbatch)]

    def backward_receive_buffers(self, microbatch: int) -> list[Tensor]:
        """Where the gradients of the outputs of a micro-batch arrive."""
        return [op.tensor for op in self._stage.get_bwd_recv_ops(microbatch)]

    def forward(self, microbatch: int, externals: Mapping[str, Tensor]) -> Tensor | tuple[Tensor, ...]:
        """Run the stage on what arrived and on `externals` (name -> tensor); keeps what backward needs."""
        return self._stage.forward_one_chunk(microbatch, (), dict(externals), save_forward_output=False)

    def forward_send_tensors(self, microbatch: int) -> list[Tensor]:
        """Activations for the next stage; valid between forward and backward of the micro-batch."""
        return [op.tensor for op in self._stage.get_fwd_send_ops(microbatch)]

    def backward(self, microbatch: int, loss: Tensor | None) -> None:
        """Accumulate gradients of the stage's parameters, from `loss` on the last stage."""
        self._stage.backward_one_chunk(microbatch, loss=loss)

    def backward_send_tensors(self, microbatch: int) -> list[Tensor]:
        """Gradients for the stage before; may be asked for once."""
        return [op.tensor.contiguous() for op in self._stage.get_bwd_send_ops(microbatch)]

    def end_iteration(self) -> None:
        """Forget the state of the iteration."""
        self._stage.clear_runtime_states()


def _gradients(tensors: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    return tuple(torch.empty_like(t, requires_grad=False) if t.requires_grad else None for t in tensors)
