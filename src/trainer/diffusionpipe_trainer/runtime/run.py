"""A rank's part of a training run, from the program file to the files it leaves."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist

from ..atomic import write_json
from ..cancel import on_cancel
from ..errors import UserError
from ..model_folder import ModelFolder
from ..output import gather_parameters, write_pipeline
from ..program import read_program
from .checkpoint import load_checkpoint, save_checkpoint
from .clocks import ClockOffset, measure_offset, to_common
from .executor import Executor, GradientHook
from .prepare import prepare
from .recorder import Record, Recorder
from .session import Session
from .status import Metrics, StatusFile
from .timeline import RankTrace, assemble

TIMELINE = "measured.timeline.json"


@dataclass(frozen=True)
class RunOptions:
    """Where a run reads and writes. `output`: the trained pipeline; `resume`: a checkpoint folder."""

    program: Path
    model: Path
    data: Path
    run_dir: Path
    output: Path | None = None
    resume: Path | None = None


def run(options: RunOptions, session: Session, on_gradients: GradientHook | None = None) -> Executor:
    """Run a program; a collective call of all its ranks. `on_gradients` is called before each stage's optimizer step."""
    program = read_program(options.program)
    if program.world_size != session.world_size:
        raise UserError(
            f"The program is for {program.world_size} processes, but {session.world_size} were started.",
            options.program, "worldSize",
        )
    options.run_dir.mkdir(parents=True, exist_ok=True)
    status = StatusFile(options.run_dir, program.training.steps)
    try:
        if session.rank == 0:
            status.start(0)
            on_cancel(lambda: status.end("cancelled"))
        dist.barrier()
        return _run(options, session, status, on_gradients)
    except Exception as error:
        status.end("failed", f"rank {session.rank}: {error}")
        raise


def _run(options: RunOptions, session: Session, status: StatusFile, on_gradients: GradientHook | None) -> Executor:
    program, folder = read_program(options.program), ModelFolder(options.model)
    recorder = Recorder(session.device)
    work = prepare(program, folder, options.data, session, recorder, on_gradients)
    executor = Executor(work)
    first = load_checkpoint(options.resume, work.optimizers) if options.resume is not None else 0
    steps, every = program.training.steps, program.training.checkpoint_every
    metrics = Metrics(options.run_dir, session.rank, program.global_batch, status, append=first > 0)
    clock = measure_offset(session.rank, session.world_size)
    executor.prologue(first)
    dist.barrier()
    metrics.begin()
    for step in range(first, steps):
        metrics.end_iteration(step, executor.iteration(step, last=step == steps - 1))
        if every and (step + 1) % every == 0 and step + 1 < steps:
            save_checkpoint(options.run_dir, step + 1, work.optimizers, session.rank)
    metrics.flush()
    trace = _trace(recorder, session, clock, measure_offset(session.rank, session.world_size))
    traces: list[RankTrace | None] | None = [None] * session.world_size if session.rank == 0 else None
    dist.gather_object(trace, traces)
    save_checkpoint(options.run_dir, steps, work.optimizers, session.rank)
    trained = (
        gather_parameters(work.result(), session.rank, session.world_size) if options.output is not None else {}
    )
    if session.rank == 0:
        timeline = assemble([t for t in traces or [] if t is not None], program.global_batch)
        write_json(options.run_dir / TIMELINE, timeline)
        if options.output is not None:
            write_pipeline(folder, options.output, trained, program.training.prediction_type)
        status.end("completed")
    return executor


def _trace(recorder: Recorder, session: Session, first: ClockOffset, last: ClockOffset) -> RankTrace:
    records = [
        Record(r.operation, r.standing, to_common(r.start_ms, first, last), to_common(r.end_ms, first, last))
        for iteration in recorder.iterations
        for r in iteration
    ]
    if session.device.type == "cuda":
        name, peak = torch.cuda.get_device_name(session.device), torch.cuda.max_memory_allocated(session.device)
    else:
        name, peak = "cpu", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    skew = max(first.error_ms, last.error_ms)
    return RankTrace(f"rank {session.rank}: {name}", peak, skew, records)
