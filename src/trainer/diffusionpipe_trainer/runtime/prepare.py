"""Makes what a rank needs for its part: its stages, the frozen layers that it runs, groups, data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from ..data import ImageData
from ..errors import UserError
from ..layers.layer import NOISY_LATENTS, PIXELS, TIMESTEPS, TOKEN_IDS, Component, run_layers
from ..model_folder import ModelFolder
from ..objective import Objective, check_resolution
from ..program import Chain, Program
from .channels import Channels
from .executor import GradientHook, RankStage, RankWork, reduce_key
from .optimizer import StageOptimizer
from .pipelining_adapter import KeptOutput, StageRunner
from .recorder import Recorder
from .session import Session
from .stage import StageModule, chain_layers, check_layer_names, cut_shapes, learning, ports_of

_META = torch.device("meta")


def prepare(
    program: Program, folder: ModelFolder, data: Path, session: Session, recorder: Recorder,
    on_gradients: GradientHook | None,
) -> RankWork:
    """Load and connect everything; a collective call of all ranks."""
    own = program.ranks[session.rank]
    wire = torch.bfloat16 if program.training.precision == "bf16" else torch.float32
    components = {name: folder.component(name) for name in program.components}
    check_layer_names(program, components)
    image_data, sequence_length = _data(program, folder, components, data)
    frozen = _frozen_tensors(program, components, sequence_length)
    moments_id = next((i for i in reversed(frozen) if i.startswith("vae/")), None)
    if moments_id is None:
        raise UserError("There is no frozen component 'vae' that makes latents.", program.file, "components")
    stages = _stages(program, folder, components, session, frozen, moments_id, wire)
    _load_frozen(program, folder, components, session)
    latent_shape = _latent_shape(frozen[moments_id])
    return RankWork(
        program=program, own=own, device=session.device, wire=wire,
        autocast=None if wire == torch.float32 else wire,
        components=components, stages=stages,
        channels=Channels(program, session.rank),
        reduce_groups=_reduce_groups(program, session.rank),
        frozen_shapes={i: t.shape[1:] for i, t in frozen.items()},
        moments_id=moments_id, data=image_data,
        objective=make_objective(program, folder, components["vae"], latent_shape),
        recorder=recorder, on_gradients=on_gradients,
    )


def make_objective(program: Program, folder: ModelFolder, vae: Component, latent_shape: tuple[int, ...]) -> Objective:
    """The objective that the program asks for, with the folder's noise schedule."""
    return Objective(
        folder.noise_scheduler(), vae.module.config.scaling_factor, latent_shape,
        program.training.prediction_type, program.training.seed,
    )


def make_data(program: Program, folder: ModelFolder, data: Path, positions: int) -> ImageData:
    """The image folder, with captions as long as tokenizer and text encoder allow (`positions`)."""
    tokenizer = folder.tokenizer()
    return ImageData(
        data, tokenizer, sequence_length=min(tokenizer.model_max_length, positions),
        resolution=program.training.resolution, global_batch=program.global_batch, seed=program.training.seed,
        random_flip=program.training.random_flip,
    )


def _data(
    program: Program, folder: ModelFolder, components: dict[str, Component], data: Path
) -> tuple[ImageData, int]:
    positions = components["text_encoder"].module.config.max_position_embeddings
    image_data = make_data(program, folder, data, positions)
    return image_data, image_data.sequence_length


def _frozen_tensors(program: Program, components: dict[str, Component], sequence_length: int) -> dict[str, Tensor]:
    """Every frozen tensor for one sample, on the meta device, in the order of the layers."""
    resolution = program.training.resolution
    tensors: dict[str, Tensor] = {}
    for name, component in components.items():
        if name not in program.trained:
            inputs = {
                PIXELS: torch.empty(1, 3, resolution, resolution, device=_META),
                TOKEN_IDS: torch.empty(1, sequence_length, dtype=torch.int64, device=_META),
            }
            with torch.no_grad():
                run_layers(name, component.layers, inputs)
            tensors |= {i: t for i, t in inputs.items() if i.startswith(f"{name}/")}
    return tensors


def _latent_shape(moments: Tensor) -> tuple[int, ...]:
    _, channels, height, width = moments.shape
    return channels // 2, height, width


def _stages(
    program: Program, folder: ModelFolder, components: dict[str, Component], session: Session,
    frozen: dict[str, Tensor], moments_id: str, wire: torch.dtype,
) -> dict[tuple[str, int], RankStage]:
    stages: dict[tuple[str, int], RankStage] = {}
    # Before weights are loaded: shapes come from running the whole chain on the meta device.
    tensors = {c.id: _chain_tensors(program, c, components, frozen, moments_id) for c in program.chains.values()}
    for chain in program.chains.values():
        layers, shapes = chain_layers(chain, components, program.file), tensors[chain.id]
        groups = _replica_groups(program, chain)
        held = [(s, r) for s, stage in enumerate(chain.stages) for r, d in enumerate(stage.devices) if d == session.rank]
        if len({replica for _, replica in held}) > 1:
            raise UserError("The trainer runs one replica a rank.", program.file, f"chains.{chain.id}.stages")
        ports = ports_of(chain, layers, [index for index, _ in held])
        with_grad = learning(layers, components, program.trained)
        for index, replica in held:
            stage, own = chain.stages[index], ports[index]
            is_last = index == len(chain.stages) - 1
            module = StageModule(
                layers, stage, own, components, is_last=is_last, wire=wire,
                autocast=None if wire == torch.float32 else wire,
            )
            for name, layer in layers[stage.start : stage.stop]:
                folder.load(components[name], [layer], session.device)
            names = module.parameter_names(components)
            trained = {n: p for n, p in names.items() if n.partition(".")[0] in program.trained}
            for parameter in trained.values():
                parameter.requires_grad_(True)
            following = frozenset() if is_last else chain.stages[index + 1].receives_grad
            output = shapes[f"{layers[-1][0]}/{layers[-1][1].name}"].float().requires_grad_(True)
            received, sent = len(stage.receives), own.sent
            runner = StageRunner(
                module, index, len(chain.stages), session.device, groups[replica],
                [*_examples(own.inputs[:received], stage.receives_grad, shapes, wire),
                 *_examples(own.inputs[received:], with_grad, shapes, wire)],
                [output] if is_last else [*_examples(own.outputs[:sent], following, shapes, wire),
                                          *_examples(own.outputs[sent:], with_grad, shapes, wire)],
                sent, [KeptOutput(stages[chain.id, kept.stage].runner, kept.place) for kept in own.kept],
                program.microbatches,
            )
            optimizer = StageOptimizer(trained, program.training.learning_rate, ema=program.ema)
            stages[chain.id, index] = RankStage(module, runner, optimizer, replica, is_last)
    return stages


def _chain_tensors(
    program: Program, chain: Chain, components: dict[str, Component], frozen: dict[str, Tensor], moments_id: str
) -> dict[str, Tensor]:
    """Every tensor of a chain for one micro-batch, on the meta device."""
    size = program.microbatch_size
    layers = chain_layers(chain, components, program.file)
    levels = sum(1 for _, layer in layers if ".upsamplers." in layer.name)
    latent = _latent_shape(frozen[moments_id])
    check_resolution(program.training.resolution, program.training.resolution // latent[1] * 2**levels, program.file)
    inputs = {i: torch.empty((size, *t.shape[1:]), device=_META) for i, t in frozen.items()}
    inputs[NOISY_LATENTS] = torch.empty((size, *latent), device=_META)
    inputs[TIMESTEPS] = torch.empty((size,), dtype=torch.int64, device=_META)
    return cut_shapes(layers, inputs)


def _examples(ids: Sequence[str], with_grad: frozenset[str], shapes: dict[str, Tensor], wire: torch.dtype) -> list[Tensor]:
    return [torch.empty(shapes[i].shape, dtype=wire, device=_META).requires_grad_(i in with_grad) for i in ids]


def _replica_groups(program: Program, chain: Chain) -> dict[int, dist.ProcessGroup]:
    """A group of the stages' ranks for each replica; PipelineStage wants one, though messages use their own."""
    return {
        replica: dist.new_group(sorted({stage.devices[replica] for stage in chain.stages}), group_desc=f"{chain.id} {replica}")
        for replica in range(program.data_parallel)
    }


def _reduce_groups(program: Program, rank: int) -> dict[tuple[int, ...], dist.ProcessGroup]:
    keys = sorted({reduce_key(o, p.rank) for p in program.ranks for o in p.operations if o.op == "REDUCE"})
    return {key: dist.new_group(list(key), group_desc="gradients") for key in keys}


def _load_frozen(program: Program, folder: ModelFolder, components: dict[str, Component], session: Session) -> None:
    own = program.ranks[session.rank]
    wanted: dict[str, set[int]] = {}
    for operation in (*own.prologue, *own.operations):
        if operation.op == "FILL":
            wanted.setdefault(operation.component, set()).update(range(*operation.layers))
    for name, indices in wanted.items():
        component = components[name]
        folder.load(component, [component.layers[i] for i in sorted(indices)], session.device)
        component.module.eval()
