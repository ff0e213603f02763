"""Fixtures: a small model, data, and jobs run by torchrun with two processes."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).parent
TRAINER = HERE.parents[1] / "src" / "trainer"
sys.path[:0] = [str(TRAINER), str(HERE)]
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest  # noqa: E402
import torch  # noqa: E402
from diffusionpipe_trainer.layers import Component  # noqa: E402
from diffusionpipe_trainer.model_folder import ModelFolder  # noqa: E402
from small_model import SAMPLE, make_model  # noqa: E402

torch.set_num_threads(1)


def load_draw() -> ModuleType:
    """The script that draws the sample's images."""
    spec = importlib.util.spec_from_file_location("draw", SAMPLE / "draw.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline folder with weights."""
    return make_model(tmp_path_factory.mktemp("model") / "small model")


@pytest.fixture(scope="session")
def components(model: Path) -> dict[str, Component]:
    """Its components, on the meta device."""
    folder = ModelFolder(model)
    return {name: folder.component(name) for name in ("text_encoder", "vae", "unet")}


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen captioned images."""
    folder = tmp_path_factory.mktemp("data") / "images"
    load_draw().draw_folder(folder, count=16, seed=1)
    return folder


def torchrun(arguments: list[str], processes: int = 2) -> subprocess.Popen[str]:
    """Start processes of a rank each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes),
         "--master-port", str(port), *arguments],
        env={**os.environ, "PYTHONPATH": str(TRAINER), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )


@pytest.fixture(scope="session")
def run_jobs(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    """Run jobs one after the other in the same processes, two of them."""

    def run(jobs: list[dict[str, Any]], processes: int = 2) -> None:
        file = tmp_path_factory.mktemp("jobs") / "jobs.json"
        file.write_text(json.dumps(jobs), encoding="utf-8")
        process = torchrun([str(HERE / "worker.py"), str(file)], processes)
        output, _ = process.communicate(timeout=200)
        assert process.returncode == 0, output

    return run
