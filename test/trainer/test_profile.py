"""A skeleton profile gets times for every layer: what a layer does not do takes no time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from diffusionpipe_trainer.errors import UserError
from diffusionpipe_trainer.layers import Component
from diffusionpipe_trainer.profile import profile


def skeleton(components: dict[str, Component], file: Path) -> Path:
    entries = []
    for name, component in components.items():
        trains = name == "unet"
        layers = [
            {"name": layer.name, "needsInputGrad": trains and i > 1, "needsWeightGrad": trains, "times": [],
             "signature": f"{name} {layer.name}", "unknown": 1}
            for i, layer in enumerate(component.layers)
        ]
        entries.append({"name": name, "after": [], "layers": layers})
    bindings = {"height": 32, "width": 32, "sequenceLength": 16}
    file.write_text(json.dumps(
        {"format": "diffusionpipe.profile/1", "bindings": bindings, "device": {"precision": "fp32"}, "components": entries}
    ))
    return file


def test_every_layer_is_measured(
    tmp_path: Path, model: Path, components: dict[str, Component], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("diffusionpipe_trainer.layer_times._SECONDS", 0)
    out = tmp_path / "a.profile.json"
    profile(model, skeleton(components, tmp_path / "skeleton.json"), [1, 2], 1, out)
    said = capsys.readouterr().out.splitlines()
    count = 2 * len(components)
    assert [line.split(" ")[0] for line in said] == [f"{n}/{count}" for n in range(count + 1)]
    document = json.loads(out.read_text())
    assert document["device"]["provider"] == "pytorch-cpu" and document["device"]["precision"] == "fp32"
    for component in document["components"]:
        for layer in component["layers"]:
            assert [t["batch"] for t in layer["times"]] == [1, 2] and layer["unknown"] == 1
            assert (layer.get("optimizerMs", 0) > 0) == layer["needsWeightGrad"]
            for times in layer["times"]:
                assert times["source"] == "measured" and times["forwardMs"] > 0
                assert (times["inputGradMs"] > 0) == layer["needsInputGrad"]
                assert layer["needsWeightGrad"] or times["weightGradMs"] == 0


def test_another_models_skeleton_is_refused(tmp_path: Path, model: Path, components: dict[str, Component]) -> None:
    file = skeleton(components, tmp_path / "skeleton.json")
    document = json.loads(file.read_text())
    document["components"][2]["layers"][1]["name"] = "other"
    file.write_text(json.dumps(document))
    with pytest.raises(UserError, match=r"components\.unet\.layers\[1\]\.name"):
        profile(model, file, [1], 1, tmp_path / "out.json")
