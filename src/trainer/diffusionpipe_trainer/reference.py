"""The same training, plain: one process, the whole batch at once, diffusers' own modules. The oracle of the pipeline."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextModel

from .errors import UserError
from .model_folder import ModelFolder
from .output import write_pipeline
from .program import Program, read_program
from .runtime.prepare import make_data, make_objective
from .runtime.status import METRICS, StatusFile

Parameters = dict[str, nn.Parameter]


def reference(
    program_file: Path, model: Path, data: Path, run_dir: Path, output: Path | None = None,
    on_gradients: Callable[[int, Parameters], None] | None = None,
) -> Parameters:
    """Train as the program says, without its schedule. Returns the trained parameters as `unet.name`.

    Only the program's batch, training and optimizer settings are used; it must train `unet` and nothing else.
    """
    program = read_program(program_file)
    if program.trained != {"unet"} or program.ema:
        raise UserError("The reference trains a unet, without a moving average.", program_file, "components")
    run_dir.mkdir(parents=True, exist_ok=True)
    status = StatusFile(run_dir, program.training.steps)
    status.start(0)
    try:
        parameters = _train(program, model, data, run_dir, status, on_gradients)
        if output is not None:
            trained = {name: p.detach().cpu() for name, p in parameters.items()}
            write_pipeline(ModelFolder(model), output, trained, program.training.prediction_type)
        status.end("completed")
    except Exception as error:
        status.end("failed", str(error))
        raise
    return parameters


def _train(
    program: Program, model: Path, data: Path, run_dir: Path, status: StatusFile,
    on_gradients: Callable[[int, Parameters], None] | None,
) -> Parameters:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folder, samples, training = ModelFolder(model), (0, program.global_batch), program.training
    vae = AutoencoderKL.from_pretrained(model, subfolder="vae", local_files_only=True).to(device).requires_grad_(False)
    text_encoder = CLIPTextModel.from_pretrained(model, subfolder="text_encoder", local_files_only=True)
    text_encoder = text_encoder.to(device).requires_grad_(False).eval()
    unet = UNet2DConditionModel.from_pretrained(model, subfolder="unet", local_files_only=True).to(device).train()
    parameters = {f"unet.{name}": p for name, p in unet.named_parameters()}
    images = make_data(program, folder, data, text_encoder.config.max_position_embeddings)
    size = training.resolution // 2 ** (len(vae.config.block_out_channels) - 1)
    objective = make_objective(program, folder, folder.component("vae"), (vae.config.latent_channels, size, size))
    optimizer = torch.optim.AdamW(parameters.values(), lr=training.learning_rate)
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=training.precision == "bf16")
    with (run_dir / METRICS).open("w", encoding="utf-8") as metrics:
        for step in range(training.steps):
            start = time.perf_counter()
            with autocast:
                with torch.no_grad():
                    moments = vae.encode(images.pixels(step, samples).to(device)).latent_dist.parameters
                    text = text_encoder(images.token_ids(step, samples).to(device)).last_hidden_state
                noisy = objective.noisy_latents(step, samples, moments)
                prediction = unet(noisy, objective.timesteps(step, samples).to(device), text).sample
            target = objective.target(step, samples, moments).to(device)
            loss = torch.nn.functional.mse_loss(prediction.float(), target)
            loss.backward()
            if on_gradients is not None:
                on_gradients(step, parameters)
            if program.max_grad_norm is not None:
                nn.utils.clip_grad_norm_(list(parameters.values()), program.max_grad_norm)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            seconds = time.perf_counter() - start
            entry = {"step": step, "loss": loss.item(), "iterationMs": seconds * 1e3,
                     "samplesPerSecond": program.global_batch / seconds}
            metrics.write(json.dumps(entry) + "\n")
            metrics.flush()
            status.running(step + 1)
    return parameters
