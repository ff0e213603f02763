"""The program: per rank, the ordered operations of one iteration. The trainer runs exactly these, in this order."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import UserError

FORMAT = "diffusionpipe.program/1"
EXECUTED = frozenset(
    {"F", "B", "FILL", "SEND", "RECV", "REDISTRIBUTE", "REDUCE", "GRAD_NORM", "OPTIM", "EMA"}
)
Range = tuple[int, int]


@dataclass(frozen=True)
class Operation:
    """One operation of a rank; which fields are present depends on `op`. Ranges are half-open."""

    op: str
    iteration: int
    chain: str | None = None
    stage: int | None = None
    microbatch: int | None = None
    component: str | None = None
    layers: Range | None = None
    samples: Range | None = None
    channel: str | None = None
    direction: str | None = None
    peer: int | None = None
    peers: tuple[int, ...] = ()
    tag: int | None = None
    tensors: tuple[str, ...] = ()
    bytes: float | None = None

    @property
    def sends(self) -> bool:
        """Whether it gives tensors to a peer."""
        return self.op == "SEND" or (self.op == "REDISTRIBUTE" and self.direction == "send")

    @property
    def receives(self) -> bool:
        """Whether it takes tensors from a peer."""
        return self.op == "RECV" or (self.op == "REDISTRIBUTE" and self.direction == "receive")


@dataclass(frozen=True)
class Stage:
    """Layers [start, stop) of a chain; `devices[r]` holds it for replica r."""

    start: int
    stop: int
    devices: tuple[int, ...]
    receives: tuple[str, ...]
    sends: tuple[str, ...]
    receives_grad: frozenset[str]


@dataclass(frozen=True)
class Chain:
    """What one pipeline runs: segments (component, from, to) end to end, cut into stages."""

    id: str
    segments: tuple[tuple[str, int, int], ...]
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class RankProgram:
    """`prologue` runs once, `operations` every iteration."""

    rank: int
    prologue: tuple[Operation, ...]
    operations: tuple[Operation, ...]


@dataclass(frozen=True)
class Training:
    """What is trained, on what, for how long."""

    steps: int
    learning_rate: float
    seed: int
    resolution: int
    precision: str
    prediction_type: str
    checkpoint_every: int
    random_flip: bool
    data: str | None


@dataclass(frozen=True)
class Program:
    """A parsed program file. `global_batch` samples an iteration, `microbatches` per replica."""

    world_size: int
    data_parallel: int
    global_batch: int
    microbatches: int
    ema: bool
    max_grad_norm: float | None
    training: Training
    trained: frozenset[str]
    components: dict[str, tuple[str, ...]]
    chains: dict[str, Chain]
    ranks: tuple[RankProgram, ...]
    file: str = field(default="program")

    @property
    def microbatch_size(self) -> int:
        """Samples of a micro-batch."""
        return self.global_batch // self.data_parallel // self.microbatches

    def samples_of(self, replica: int, microbatch: int) -> Range:
        """Samples of the global batch that a micro-batch of a replica holds."""
        start = replica * (self.global_batch // self.data_parallel) + microbatch * self.microbatch_size
        return start, start + self.microbatch_size


def read_program(path: Path) -> Program:
    """Read and check a `*.program.json` file. Raises UserError naming the file and the field."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"Cannot be read: {error.strerror}.", path) from error
    except ValueError as error:
        raise UserError(f"Not JSON: {error}.", path) from error
    return parse_program(document, str(path))


def parse_program(document: Any, file: str = "program") -> Program:  # noqa: ANN401 - unchecked JSON
    """Check a program document. Raises UserError naming the field."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UserError(f"The format must be {FORMAT!r}.", file, "format")
    try:
        program = _program(document, file)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UserError(f"Does not follow the program format: {type(error).__name__} {error}.", file) from error
    _check(program)
    return program


def _program(document: dict[str, Any], file: str) -> Program:
    training = document["training"]
    optimizer = document["optimizer"]
    return Program(
        world_size=int(document["worldSize"]),
        data_parallel=int(document["dataParallel"]),
        global_batch=int(document["batch"]["global"]),
        microbatches=int(document["batch"]["microbatches"]),
        ema=bool(optimizer["ema"]),
        max_grad_norm=optimizer.get("maxGradNorm"),
        training=Training(
            steps=int(training["steps"]),
            learning_rate=float(training["learningRate"]),
            seed=int(training["seed"]),
            resolution=int(training["resolution"]),
            precision=str(training["precision"]),
            prediction_type=str(training["predictionType"]),
            checkpoint_every=int(training["checkpointEvery"]),
            random_flip=bool(training.get("randomFlip", False)),
            data=training.get("data"),
        ),
        trained=frozenset(c["name"] for c in document["components"] if c["role"] == "trained"),
        components={c["name"]: tuple(c["layers"]) for c in document["components"]},
        chains={c["id"]: _chain(c) for c in document["chains"]},
        ranks=tuple(
            RankProgram(r["rank"], tuple(map(_operation, r["prologue"])), tuple(map(_operation, r["operations"])))
            for r in sorted(document["ranks"], key=lambda r: r["rank"])
        ),
        file=file,
    )


def _chain(chain: dict[str, Any]) -> Chain:
    return Chain(
        chain["id"],
        tuple((s["component"], s["from"], s["to"]) for s in chain["segments"]),
        tuple(
            Stage(
                s["from"], s["to"], tuple(s["devices"]), tuple(s["receives"]), tuple(s["sends"]),
                frozenset(s["receivesGrad"]),
            )
            for s in chain["stages"]
        ),
    )


def _operation(operation: dict[str, Any]) -> Operation:
    known = {k: v for k, v in operation.items() if k in Operation.__dataclass_fields__}
    for key in ("layers", "samples", "tensors", "peers"):
        if key in known:
            known[key] = tuple(known[key])
    return Operation(**known)


def _check(program: Program) -> None:
    if [r.rank for r in program.ranks] != list(range(program.world_size)):
        raise UserError(f"There must be ranks 0 to {program.world_size - 1}.", program.file, "ranks")
    if program.global_batch % (program.data_parallel * program.microbatches):
        raise UserError("The batch must divide into replicas and micro-batches.", program.file, "batch")
    if program.training.precision not in ("fp32", "bf16"):
        raise UserError(
            f"The trainer runs fp32 and bf16, not {program.training.precision}.", program.file, "training.precision"
        )
    for rank in program.ranks:
        for place, operations in (("prologue", rank.prologue), ("operations", rank.operations)):
            for index, operation in enumerate(operations):
                if operation.op not in EXECUTED:
                    field_name = f"ranks[{rank.rank}].{place}[{index}].op"
                    raise UserError(f"The trainer cannot run {operation.op} yet.", program.file, field_name)
    for place in ("prologue", "operations"):
        _check_messages(program, place)


def _check_messages(program: Program, place: str) -> None:
    """Per (channel, source, destination), sends and receives must match in order, or the ranks would hang."""
    sent: dict[tuple[Any, ...], list[Operation]] = {}
    received: dict[tuple[Any, ...], list[Operation]] = {}
    for rank in program.ranks:
        for operation in getattr(rank, place):
            if operation.sends:
                sent.setdefault((operation.channel, rank.rank, operation.peer), []).append(operation)
            elif operation.receives:
                received.setdefault((operation.channel, operation.peer, rank.rank), []).append(operation)
    for key in sent.keys() | received.keys():
        messages = [
            [(o.tag, o.tensors, o.samples, o.microbatch, o.iteration) for o in side.get(key, [])]
            for side in (sent, received)
        ]
        if messages[0] != messages[1]:
            channel, source, destination = key
            raise UserError(
                f"Sends and receives of channel {channel} from rank {source} to {destination} differ in {place}.",
                program.file, "ranks",
            )
