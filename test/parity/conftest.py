"""What the product says of a model folder, and the same components in diffusers and transformers."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "test" / "fixtures" / "models"


@pytest.fixture(scope="session")
def describe(tmp_path_factory):
    """describe([(folder, options)]) -> [(facts, folder with the graphs)]; options as in test/tools/describeModels.ts."""
    scratch = tmp_path_factory.mktemp("describe")
    script = scratch / "describeModels.js"
    esbuild = ROOT / "node_modules" / ".bin" / "esbuild"
    subprocess.run(
        [esbuild, ROOT / "test/tools/describeModels.ts", "--bundle", "--platform=node", f"--outfile={script}", "--log-level=warning"],
        check=True,
        cwd=ROOT,
    )
    count = 0

    def call(models):
        nonlocal count
        requests = []
        for folder, options in models:
            count += 1
            requests.append({"folder": str(folder), "out": str(scratch / f"model{count}"), **options})
        request = scratch / f"request{count}.json"
        request.write_text(json.dumps(requests))
        subprocess.run(["node", script, request], check=True, cwd=ROOT)
        return [(json.loads((Path(r["out"]) / "facts.json").read_text()), Path(r["out"])) for r in requests]

    return call


@pytest.fixture
def variant(tmp_path):
    """variant(base, {component: settings}) -> a copy of a model folder with settings replaced."""

    def make(base, changes, name="variant"):
        folder = tmp_path / name
        shutil.copytree(base, folder)
        for component, settings in changes.items():
            file = folder / component / "config.json"
            file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))
        return folder

    return make
