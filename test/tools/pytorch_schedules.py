"""Writes test/fixtures/schedules/*.json: the order of passes per stage that PyTorch's pipeline schedules execute.

Usage: python test/tools/pytorch_schedules.py

Those in which a rank has several stages are computed without running them: interleaved 1F1B, ZB-V, DualPipeV.

GPipe runs on real stages in one process and its passes are recorded; so does 1F1B. `Schedule1F1B._get_pipeline_order`
is not used: on the last rank it numbers the forward passes from 1 to M where `_step_microbatches` runs 0 to M-1.
"""

import json
import pathlib
import sys

import torch
from torch.distributed.pipelining import schedules
from torch.distributed.pipelining._schedule_visualizer import get_schedule_ops

INTERLEAVED = [(2, 2, 4), (2, 4, 8), (4, 8, 4), (4, 8, 16), (4, 12, 8), (3, 6, 3), (8, 16, 16), (4, 8, 2)]
IN_V = [(1, 2), (2, 4), (2, 9), (3, 6), (4, 8), (4, 13), (6, 12), (8, 24)]
FEW = [(2, 1), (4, 3), (4, 6)]
CASES = [(1, 3), (2, 4), (3, 3), (4, 4), (4, 8), (4, 2), (8, 16)]
FOLDER = pathlib.Path(__file__).parent.parent / "fixtures" / "schedules"


class RecordingStage(schedules._PipelineStageBase):
    """Stands where a stage would, computes nothing, and notes each pass."""

    def __init__(self, index, count, passes):
        self.stage_index, self.num_stages, self.passes = index, count, passes
        self.has_backward = True
        self.group, self.group_rank, self.group_size = None, index, count
        self.submod = torch.nn.Identity()
        self.device = torch.device("cpu")

    def forward_one_chunk(self, index, *_, **__):
        self.passes.append(f"F{index}")
        return torch.zeros(())

    def backward_one_chunk(self, index, *_, **__):
        self.passes.append(f"B{index}")

    def _nothing(self, *_, **__):
        return []

    get_fwd_recv_ops = get_fwd_send_ops = get_bwd_recv_ops = get_bwd_send_ops = _nothing
    clear_runtime_states = _prepare_forward_infra = _prepare_backward_infra = scale_grads = _nothing
    perform_reduce_grad = _create_grad_recv_info = _nothing


def record(kind, stages, microbatches):
    orders = []
    for index in range(stages):
        passes = []
        schedule = kind(RecordingStage(index, stages, passes), microbatches, loss_fn=None, scale_grads=False)
        schedule._initialize_stage = lambda *_: None
        schedule._stage_forward_initialized = schedule._stage_backward_initialized = schedule._stage_initialized = True
        schedule._maybe_compute_loss = lambda *_, **__: None
        schedule._maybe_get_loss = schedule._update_losses = lambda *_, **__: None
        schedule._step_microbatches([()] * microbatches, [{}] * microbatches, None, [])
        orders.append(passes)
    return orders


def interleaved(devices, stages, microbatches):
    """The order that `ScheduleInterleaved1F1B` computes for each rank, without its waiting slots."""
    schedule = object.__new__(schedules.ScheduleInterleaved1F1B)
    schedule.pp_group_size, schedule.n_local_stages, schedule._n_microbatches = devices, stages // devices, microbatches
    schedule.number_of_rounds = max(1, microbatches // devices)
    schedule.microbatches_per_round = microbatches // schedule.number_of_rounds
    orders = [schedule._calculate_single_rank_operations(rank) for rank in range(devices)]
    return [[f"{action.stage_index}{action.computation_type.value}{action.microbatch_index}" for action in order if action] for order in orders]


def write_interleaved():
    cases = [{"devices": d, "stages": s, "microbatches": m, "orders": interleaved(d, s, m)} for d, s, m in INTERLEAVED if s > d]
    text = json.dumps({"source": f"torch {torch.__version__.split('+')[0]}, ScheduleInterleaved1F1B._calculate_single_rank_operations", "cases": cases})
    (FOLDER / "interleaved.json").write_text(text.replace('{"devices"', '\n{"devices"') + "\n")
    print(FOLDER / "interleaved.json", file=sys.stderr)


def name_of(action):
    if action.sub_actions:
        return "+".join(name_of(part) for part in action.sub_actions)
    return f"{action.stage_index}{action.computation_type.value}{action.microbatch_index}"


def write_in_v():
    """ZB-V also with fewer micro-batches than fill its pipeline; DualPipeV refuses those."""
    for name, kind, sizes in [("zb-v", "ZBVZeroBubble", IN_V + FEW), ("dualpipev", "DualPipeV", IN_V)]:
        cases = [
            {"devices": d, "stages": 2 * d, "microbatches": m, "orders": [[name_of(action) for action in order if action] for order in get_schedule_ops(kind, d, m)]}
            for d, m in sizes
        ]
        text = json.dumps({"source": f"torch {torch.__version__.split('+')[0]}, Schedule{kind}.pipeline_order", "cases": cases})
        (FOLDER / f"{name}.json").write_text(text.replace('{"devices"', '\n{"devices"') + "\n")
        print(FOLDER / f"{name}.json", file=sys.stderr)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, kind in {"gpipe": schedules.ScheduleGPipe, "1f1b": schedules.Schedule1F1B}.items():
        cases = [{"stages": s, "microbatches": m, "orders": record(kind, s, m)} for s, m in CASES if m >= s or name == "gpipe"]
        text = json.dumps({"source": f"torch {torch.__version__.split('+')[0]}, {kind.__name__}._step_microbatches", "cases": cases})
        (FOLDER / f"{name}.json").write_text(text.replace('{"stages"', '\n{"stages"') + "\n")
        print(FOLDER / f"{name}.json", file=sys.stderr)


if __name__ == "__main__":
    main()
    write_interleaved()
    write_in_v()
