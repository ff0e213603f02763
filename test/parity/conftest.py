"""What the product says of model folders and of single components, for comparison with diffusers and transformers."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "test" / "fixtures" / "models"


def describer(scratch, tool):
    """Bundles test/tools/TOOL.ts. @returns call([request]) -> [(facts, folder with the graphs)]"""
    script = scratch / f"{tool}.js"
    subprocess.run(
        [ROOT / "node_modules/.bin/esbuild", ROOT / f"test/tools/{tool}.ts", "--bundle", "--platform=node", f"--outfile={script}", "--log-level=warning"],
        check=True,
        cwd=ROOT,
    )
    count = 0

    def call(requests):
        nonlocal count
        placed = []
        for request in requests:
            count += 1
            placed.append({**request, "out": str(scratch / f"model{count}")})
        file = scratch / f"request{count}.json"
        file.write_text(json.dumps(placed))
        subprocess.run(["node", script, file], check=True, cwd=ROOT)
        return [(json.loads((Path(request["out"]) / "facts.json").read_text()), Path(request["out"])) for request in placed]

    return call


def pytest_collection_modifyitems(items):
    """Tests of one name stand together: what they are given is made once in a process, and a process takes tests in a row."""

    def group(item):
        return item.path.name, (item.callspec.params.get("name") if hasattr(item, "callspec") else None) or ""

    items.sort(key=group)


@pytest.fixture(scope="session")
def describe(tmp_path_factory):
    """describe([(folder, options)]) for model folders; options as in test/tools/describeModels.ts."""
    call = describer(tmp_path_factory.mktemp("describe"), "describeModels")
    return lambda models: call([{"folder": str(folder), **options} for folder, options in models])


@pytest.fixture(scope="session")
def describe_families(tmp_path_factory):
    """describe_families([request]) for single components; requests as in test/tools/describeFamily.ts."""
    return describer(tmp_path_factory.mktemp("families"), "describeFamily")


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


class ParityTable:
    """One row per family: what was compared, and how far apart it was."""

    def __init__(self):
        self.parameters = {}
        self.differences = {}

    def full(self, family, instance, ours, theirs):
        self.parameters.setdefault(family, []).append((instance, ours, theirs))

    def reduced(self, family, difference):
        self.differences.setdefault(family, []).append(difference)

    def lines(self):
        for family in sorted({*self.parameters, *self.differences}):
            values = self.differences.get(family, [])
            worst = f"worst difference {max(values):.1e} in {len(values)} instances" if values else "no values compared"
            yield f"{family}: {worst}"
            for instance, ours, theirs in self.parameters.get(family, []):
                yield f"    {instance}: parameters {ours:,} ours, {theirs:,} theirs"


    def add(self, other):
        for mine, theirs in ((self.parameters, other["parameters"]), (self.differences, other["differences"])):
            for family, found in theirs.items():
                mine.setdefault(family, []).extend(found)


TABLE = ParityTable()


@pytest.fixture(scope="session")
def parity_table():
    return TABLE


def pytest_sessionfinish(session):
    """A worker hands its rows to the process that prints them."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["parity"] = {"parameters": TABLE.parameters, "differences": TABLE.differences}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    TABLE.add(getattr(node, "workeroutput", {}).get("parity", {"parameters": {}, "differences": {}}))


def pytest_terminal_summary(terminalreporter):
    if TABLE.parameters or TABLE.differences:
        terminalreporter.section("parity")
        for line in TABLE.lines():
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def describe_onnx(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("onnx")
    script = scratch / "describeOnnx.js"
    esbuild = ROOT / "node_modules" / ".bin" / "esbuild"
    subprocess.run([esbuild, ROOT / "test/tools/describeOnnx.ts", "--bundle", "--platform=node", f"--outfile={script}", "--log-level=warning"], check=True, cwd=ROOT)

    def call(requests):
        (scratch / "request.json").write_text(json.dumps(requests))
        subprocess.run(["node", script, scratch / "request.json", scratch / "answer.json"], check=True, cwd=ROOT)
        return json.loads((scratch / "answer.json").read_text())

    return call
