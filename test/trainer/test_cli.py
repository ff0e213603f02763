"""The command line as a launcher uses it: a run that is written out, one that goes on, one that is cancelled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from conftest import TRAINER, torchrun
from diffusers import StableDiffusionPipeline
from diffusionpipe_trainer.layers import Component
from programs import Fill, Recipe, compile_program
from safetensors.torch import load_file

RECIPE = Recipe(
    cuts=(10,), microbatches=2,
    fills=(Fill("text_encoder", (0, 5), (0, 8), 1, ("F", 0)), Fill("vae", (0, 11), (0, 8), 0, ("B", 0))),
)


def arguments(program: Path, model: Path, data: Path, run_dir: Path, *more: str) -> list[str]:
    return [
        "-m", "diffusionpipe_trainer", "run", "--program", str(program), "--model", str(model), "--data", str(data),
        "--run-dir", str(run_dir), "--threads", "1", *more,
    ]


def write_program(folder: Path, components: dict[str, Component], **training: object) -> Path:
    file = folder / "a.program.json"
    document = compile_program(Recipe(RECIPE.cuts, RECIPE.microbatches, RECIPE.fills, training=training), components)
    file.write_text(json.dumps(document))
    return file


def unfinished(folder: Path) -> list[Path]:
    return [p for p in folder.rglob(".*") if p.name.endswith((".tmp", ".old"))]


def test_a_run_is_written_out_and_can_go_on(
    tmp_path: Path, model: Path, data: Path, components: dict[str, Component]
) -> None:
    program = write_program(tmp_path, components, steps=6, checkpointEvery=4)
    run_dir, output = tmp_path / "run dir", tmp_path / "trained"
    process = torchrun(arguments(program, model, data, run_dir, "--output", str(output), "--pin-cores"))
    log, _ = process.communicate(timeout=120)
    assert process.returncode == 0, log
    assert json.loads((run_dir / "status.json").read_text())["state"] == "completed"
    metrics = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    assert [m["step"] for m in metrics] == list(range(6))
    assert unfinished(tmp_path) == []

    torch.manual_seed(0)
    pipeline = StableDiffusionPipeline.from_pretrained(output, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    images = pipeline("a red circle", num_inference_steps=2, height=32, width=32, output_type="np").images
    assert images.shape == (1, 32, 32, 3) and bool(torch.isfinite(torch.from_numpy(images)).all())
    weights = [load_file(p / "unet" / "diffusion_pytorch_model.safetensors") for p in (model, output)]
    assert weights[0].keys() == weights[1].keys()
    assert all(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])

    resumed, again = tmp_path / "resumed", tmp_path / "trained again"
    checkpoint = run_dir / "checkpoints" / "step-00000004"
    process = torchrun(
        arguments(program, model, data, resumed, "--output", str(again), "--resume", str(checkpoint))
    )
    log, _ = process.communicate(timeout=120)
    assert process.returncode == 0, log
    later = [json.loads(line) for line in (resumed / "metrics.jsonl").read_text().splitlines()]
    assert [(m["step"], m["loss"]) for m in later] == [(m["step"], m["loss"]) for m in metrics[4:]]
    third = load_file(again / "unet" / "diffusion_pytorch_model.safetensors")
    assert all(torch.equal(weights[1][name], third[name]) for name in third)


def test_a_cancelled_run_leaves_within_seconds(
    tmp_path: Path, model: Path, data: Path, components: dict[str, Component]
) -> None:
    program = write_program(tmp_path, components, steps=100_000)
    run_dir, output = tmp_path / "run", tmp_path / "trained"
    process = torchrun(arguments(program, model, data, run_dir, "--output", str(output)))
    status = run_dir / "status.json"
    deadline = time.monotonic() + 60
    while not (status.exists() and json.loads(status.read_text())["step"] >= 2):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    ranks = descendants(process.pid)
    assert len(ranks) == 2
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=5)
    assert [pid for pid in ranks if Path(f"/proc/{pid}").exists()] == []
    assert json.loads(status.read_text())["state"] == "cancelled"
    assert unfinished(tmp_path) == [] and not output.exists()
    assert all(json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines())


def descendants(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_wrong_input_is_one_sentence(
    tmp_path: Path, model: Path, components: dict[str, Component]
) -> None:
    program = write_program(tmp_path, components)
    process = torchrun(arguments(program, model, tmp_path, tmp_path / "run"))
    log, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert f"{tmp_path / 'metadata.jsonl'}: Cannot be read: No such file or directory." in log
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert status["state"] == "failed" and "metadata.jsonl" in status["message"]


@pytest.mark.parametrize(("arguments", "code"), [(["doctor"], 0), (["--help"], 0), (["profile", "--model", "none"], 1)])
def test_exit_codes(arguments: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "diffusionpipe_trainer", *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(TRAINER)},
    )
    assert done.returncode == code, done.stderr
    if arguments == ["doctor"]:
        document = json.loads(done.stdout)
        assert document["packages"]["torch"].startswith(torch.__version__.split("+")[0]) and document["devices"]
