"""`python -m diffusionpipe_trainer`: exit 0 done, 1 the input is wrong, 2 the machine failed."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from pathlib import Path

from .cancel import watch_signals
from .errors import UserError


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run the command."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as left:
        # After its help, 0; for a wrong command line argparse leaves with 2, which here means that the machine failed.
        return 1 if left.code else 0
    # Before PyTorch starts threads: they inherit the core and the blocked signals.
    watch_signals()
    if getattr(options, "pin_cores", False):
        _pin_core(int(os.environ.get("LOCAL_RANK", "0")))
    if getattr(options, "threads", None) is not None:
        os.environ["OMP_NUM_THREADS"] = str(options.threads)
    try:
        options.command(options)
    except UserError as error:
        print(error, file=sys.stderr, flush=True)
        return _leave(1)
    except Exception:
        traceback.print_exc()
        return _leave(2)
    return 0


def _leave(code: int) -> int:
    """A failed rank must not wait for the others in the runtime's own clean-up."""
    if "RANK" in os.environ:
        sys.stderr.flush()
        os._exit(code)
    return code


def _pin_core(local_rank: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[local_rank % len(cores)]})


def _run(options: argparse.Namespace) -> None:
    from .runtime.run import RunOptions, run
    from .runtime.session import end_session, start_session

    session = start_session(options.threads)
    run(
        RunOptions(options.program, options.model, options.data, options.run_dir, options.output, options.resume),
        session,
    )
    end_session()


def _reference(options: argparse.Namespace) -> None:
    import torch

    from .reference import reference

    torch.set_num_threads(options.threads)
    reference(options.program, options.model, options.data, options.run_dir, options.output)


def _init(options: argparse.Namespace) -> None:
    from .init_weights import init_weights

    for name in init_weights(options.model, options.seed):
        print(f"random weights for {name}", file=sys.stderr)


def _profile(options: argparse.Namespace) -> None:
    from .profile import profile

    profile(options.model, options.skeleton, options.batches, options.threads, options.out, options.busy_cores)


def _doctor(options: argparse.Namespace) -> None:
    from .doctor import doctor

    print(json.dumps(doctor(), indent=2))


def _batches(text: str) -> list[int]:
    batches = [int(part) for part in text.split(",")]
    if not batches or min(batches) < 1:
        raise ValueError(text)
    return sorted(set(batches))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="diffusionpipe_trainer", description=__doc__)
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="run a program; start with torchrun, one process a rank")
    reference = commands.add_parser("reference", help="the same training in one plain process")
    for command in (run, reference):
        command.add_argument("--program", type=Path, required=True, help="a *.program.json file")
        command.add_argument("--model", type=Path, required=True, help="diffusers pipeline folder")
        command.add_argument("--data", type=Path, required=True, help="image folder with metadata.jsonl")
        command.add_argument("--run-dir", type=Path, required=True, help="status, metrics, timeline, checkpoints")
        command.add_argument("--output", type=Path, help="write the trained pipeline here")
        command.add_argument("--threads", type=int, default=1, help="CPU threads of each process")
        command.add_argument("--pin-cores", action="store_true", help="one core for each process of this machine")
    run.add_argument("--resume", type=Path, help="a checkpoint folder to go on from")
    run.set_defaults(command=_run)
    reference.set_defaults(command=_reference)
    init = commands.add_parser("init", help="random weights for a folder that has configurations only")
    init.add_argument("--model", type=Path, required=True)
    init.add_argument("--seed", type=int, default=0)
    init.set_defaults(command=_init)
    profile = commands.add_parser("profile", help="measure every layer on this device")
    profile.add_argument("--model", type=Path, required=True)
    profile.add_argument("--skeleton", type=Path, required=True, help="a *.profile.json file whose times are filled in")
    profile.add_argument("--batches", type=_batches, default=[1, 2, 4])
    profile.add_argument("--threads", type=int, default=1)
    profile.add_argument(
        "--busy-cores", type=int, default=0, help="CPU: load so many other cores meanwhile, as other ranks will"
    )
    profile.add_argument("-o", "--out", type=Path, required=True)
    profile.set_defaults(command=_profile)
    doctor = commands.add_parser("doctor", help="versions and devices as JSON")
    doctor.set_defaults(command=_doctor)
    return parser


if __name__ == "__main__":
    sys.exit(main())
