"""Writes test/fixtures/traces/*.json: what torch.profiler records of real pipeline schedules on two ranks, trimmed.

Usage: python test/tools/pytorch_traces.py

GPipe and 1F1B run one stage a rank, interleaved 1F1B two. 1F1B annotates no passes. Each rank trains a small model over gloo, for three profiled steps after
one that is not. What the importer does not look at (Python's frames, arrows, operators inside of others) is taken out of the files.
"""

import json
import os
import pathlib
import socket
import sys
import tempfile

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.distributed.pipelining import PipelineStage, schedules
from torch.profiler import ProfilerActivity, profile, record_function, schedule

FOLDER = pathlib.Path(__file__).parent.parent / "fixtures" / "traces"
RANKS, MICROBATCHES, WIDTH, BATCH = 2, 4, 192, 16
KINDS = {"gpipe": (schedules.ScheduleGPipe, 1), "1f1b": (schedules.Schedule1F1B, 1), "interleaved": (schedules.ScheduleInterleaved1F1B, 2)}
KEPT = {"user_annotation", "cpu_op"}


def stage_of(index, count):
    torch.manual_seed(index)
    layers = [torch.nn.Linear(WIDTH, WIDTH), torch.nn.GELU(), torch.nn.Linear(WIDTH, WIDTH)]
    return PipelineStage(torch.nn.Sequential(*layers), index, count, torch.device("cpu"))


def train(rank, kind, port, folder):
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    dist.init_process_group("gloo", rank=rank, world_size=RANKS)
    make, per_rank = KINDS[kind]
    stages = [stage_of(rank + RANKS * i, RANKS * per_rank) for i in range(per_rank)]
    loss = torch.nn.functional.mse_loss
    pipeline = make(stages if per_rank > 1 else stages[0], MICROBATCHES, loss_fn=loss)
    optimizer = torch.optim.AdamW([p for stage in stages for p in stage.submod.parameters()])
    text_encoder = torch.nn.Linear(WIDTH, WIDTH)
    inputs, target = torch.randn(BATCH, WIDTH), torch.randn(BATCH, WIDTH)
    with profile(activities=[ProfilerActivity.CPU], schedule=schedule(wait=0, warmup=1, active=3), on_trace_ready=lambda p: p.export_chrome_trace(f"{folder}/{rank}.json")) as profiler:
        for _ in range(4):
            with record_function("text_encoder"), torch.no_grad():
                text_encoder(inputs)
            optimizer.zero_grad()
            pipeline.step(*([inputs] if rank == 0 else []), **({"target": target} if rank == RANKS - 1 else {}))
            optimizer.step()
            profiler.step()
    dist.barrier()
    dist.destroy_process_group()


def outermost(events):
    """Operators that lie in no other operator of their thread; all that is no operator."""
    ends = {}
    for event in sorted(events, key=lambda e: (e["ts"], -e["dur"])):
        if event["cat"] == "cpu_op":
            thread = (event["pid"], event["tid"])
            if ends.get(thread, -1) > event["ts"]:
                continue
            ends[thread] = event["ts"] + event["dur"]
        yield event


def trimmed(trace):
    events = [e for e in trace["traceEvents"] if e.get("ph") == "X" and e.get("cat") in KEPT]
    for event in events:
        event["args"] = {k: v for k, v in event.get("args", {}).items() if k in ("Collective name", "Src Rank", "Dst Rank", "dtype", "In msg nelems")}
    names = [e for e in trace["traceEvents"] if e.get("ph") == "M" and e.get("name") == "process_name"]
    head = {k: trace[k] for k in ("schemaVersion", "baseTimeNanoseconds", "distributedInfo", "displayTimeUnit") if k in trace}
    head["distributedInfo"] = {k: head["distributedInfo"][k] for k in ("backend", "rank", "world_size")}
    return {**head, "traceEvents": names + list(outermost(events))}


def write(kind):
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        mp.spawn(train, (kind, port, folder), RANKS)
        for rank in range(RANKS):
            trace = trimmed(json.loads(pathlib.Path(f"{folder}/{rank}.json").read_text()))
            path = FOLDER / f"{kind}.rank{rank}.json"
            path.write_text(json.dumps(trace, separators=(",", ":")).replace('{"ph"', '\n{"ph"') + "\n")
            print(path, path.stat().st_size, file=sys.stderr)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in KINDS:
        write(name)
