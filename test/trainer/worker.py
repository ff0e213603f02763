"""Started by torchrun: runs jobs one after the other in one set of processes, and keeps gradients and parameters.

A job may ask for a deliberate fault, which is put in here and nowhere else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import torch
from diffusionpipe_trainer.runtime import executor
from diffusionpipe_trainer.runtime.executor import Executor
from diffusionpipe_trainer.runtime.optimizer import StageOptimizer
from diffusionpipe_trainer.runtime.pipelining_adapter import StageRunner
from diffusionpipe_trainer.runtime.run import RunOptions, run
from diffusionpipe_trainer.runtime.session import end_session, start_session
from diffusionpipe_trainer.runtime.stage import StageModule
from diffusionpipe_trainer.runtime.store import FrozenStore

ENCODINGS = ("text_encoder/final_layer_norm", "vae/quant_conv")


class LateStore(FrozenStore):
    """Gives the encodings of the iteration before."""

    def get(self, iteration: int, tensor_id: str, samples: tuple[int, int]) -> torch.Tensor:
        late = iteration - 1 if tensor_id in ENCODINGS and iteration > 0 else iteration
        try:
            return super().get(late, tensor_id, samples)
        except LookupError:
            return super().get(iteration, tensor_id, samples)

    def end_iteration(self, iteration: int) -> None:
        super().end_iteration(iteration - 1)


@contextmanager
def fault(name: str | None) -> Iterator[None]:
    """Put one fault in."""
    if name is None:
        yield
    elif name == "late encodings":
        with patch.object(executor, "FrozenStore", LateStore):
            yield
    elif name == "zeroed skip":
        forward = StageModule.forward

        def zeroed(self: StageModule, *received: torch.Tensor, **externals: torch.Tensor) -> object:
            changed = [t * 0 if i == "unet/conv_in" else t for i, t in zip(self._receives, received, strict=True)]
            return forward(self, *changed, **externals)

        with patch.object(StageModule, "forward", zeroed):
            yield
    elif name == "scaled gradients":
        backward = StageRunner.backward

        def scaled(self: StageRunner, microbatch: int, loss: torch.Tensor | None) -> None:
            backward(self, microbatch, loss if loss is None else loss * 2)

        with patch.object(StageRunner, "backward", scaled):
            yield
    else:
        raise ValueError(name)


def main() -> None:
    """Run the jobs of the file named on the command line."""
    session = start_session(threads=1)
    for job in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        run_dir = Path(job["runDir"])

        first: dict[str, torch.Tensor] = {}

        def keep(step: int, optimizer: StageOptimizer, first: dict[str, torch.Tensor] = first) -> None:
            if step == 0:
                gradients = [g.clone() for g in optimizer.gradients()]
                first.update(zip(optimizer.parameters, gradients, strict=True))

        options = RunOptions(
            Path(job["program"]), Path(job["model"]), Path(job["data"]), run_dir,
            Path(job["output"]) if job.get("output") else None, Path(job["resume"]) if job.get("resume") else None,
        )
        with fault(job.get("fault")):
            done: Executor = run(options, session, keep)
        torch.save(first, run_dir / f"gradients-{session.rank}.pt")
        torch.save(done.work.result(), run_dir / f"parameters-{session.rank}.pt")
    end_session()


if __name__ == "__main__":
    main()
