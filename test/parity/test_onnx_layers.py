"""Layers cut out of exported models: run in order with the model's own weights, they compute what the whole model computes."""

import numpy
import onnx
import onnx_models
import onnxruntime
import pytest
from onnx import numpy_helper

TOLERANCE = 1e-5


def run(path, feeds):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]).run(None, feeds)


def run_layers(answer, weights, feeds):
    """The values that the layers make, by name."""
    values = dict(feeds)
    for component in answer["components"]:
        for layer in component["layers"]:
            given = {v["name"]: weights[v["name"]] for v in layer["parameterShapes"]} | {v["name"]: values[v["name"]] for v in layer["inputs"]}
            assert {v["name"]: list(given[v["name"]].shape) for v in layer["inputs"]} == {v["name"]: v["shape"] for v in layer["inputs"]}
            outputs = run(layer["file"], given)
            for value, output in zip(layer["outputs"], outputs):
                assert list(output.shape) == value["shape"], value["name"]
                values[value["name"]] = output
    return values


def count_tensors(answer, feeds):
    """The tensors counted anew from the layers' graphs: who makes and who uses each value, and how many bytes it has."""
    makers, users, sizes = {}, {}, {}
    for component in answer["components"]:
        for layer in component["layers"]:
            place = (component["name"], layer["name"])
            for value in layer["inputs"]:
                users.setdefault(value["name"], []).append(place)
            for value in layer["outputs"]:
                makers[value["name"]] = place
                sizes[value["name"]] = int(numpy.prod(value["shape"])) * {"float32": 4, "int64": 8, "int32": 4, "bool": 1}[value["type"]]
    return sorted((*makers[name], tuple(users.get(name, [])), sizes[name]) for name in makers)


EXPORTS = [("unet", 17), ("unet", 18), ("transformer", 17), ("transformer", 11), ("pipeline", 16)]


@pytest.mark.parametrize(("name", "opset", "fixed", "batch"), [*((*export, False, batch) for export in EXPORTS for batch in (1, 2, 3)), ("unet", 14, True, 2)])
def test_layers_are_the_model(describe_onnx, tmp_path, name, opset, fixed, batch):
    path = tmp_path / f"{name}.onnx"
    module, inputs = onnx_models.export(name, path, opset, fixed)
    feeds = {key: numpy.resize(value.numpy(), (batch, *value.shape[1:])) for key, value in inputs.items()}
    bindings = {} if fixed else {"height": 16, "width": 16, "sequenceLength": 9} if name == "pipeline" else {"height": 16, "width": 16, "sequenceLength": 7} if name == "unet" else {"sequenceLength": 9}
    request = {"path": str(path), "out": str(tmp_path / "out"), "batch": batch, "bindings": bindings, "options": {"minShare": 0.03}}
    (answer,) = describe_onnx([request])
    assert "error" not in answer, answer["error"]
    layers = [layer for component in answer["components"] for layer in component["layers"]]
    assert len(layers) >= 6

    # Counts: parameters are PyTorch's, a shared one once.
    assert sum(layer["parameters"] for layer in layers) == sum(p.numel() for p in module.parameters())

    model = onnx.load(path)
    assert all(onnx.load(layer["file"]).opset_import[0].version == opset for layer in layers)
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    (expected,) = run(path, feeds)
    values = run_layers(answer, weights, feeds)
    error = numpy.abs(values["out"] - expected).max() / max(1.0, numpy.abs(expected).max())
    assert error < TOLERANCE, error
    assert float(expected.std()) > 1e-3

    # Tensors across cuts, recounted from the layers' graphs (users: the loss is where the chain ends).
    said = sorted((t["producer"]["component"], t["producer"]["layer"], tuple((c["component"], c["layer"]) for c in t["consumers"]), t["bytesPerSample"] * batch + t.get("bytesFixed", 0)) for t in answer["tensors"] if t["producer"]["component"] != "data")
    assert said == count_tensors(answer, feeds)


def test_a_wrong_weight_is_noticed(describe_onnx, tmp_path):
    path = tmp_path / "unet.onnx"
    _, inputs = onnx_models.export("unet", path)
    feeds = {key: value.numpy() for key, value in inputs.items()}
    (answer,) = describe_onnx([{"path": str(path), "out": str(tmp_path / "out"), "batch": 2, "bindings": {"height": 16, "width": 16, "sequenceLength": 7}}])
    weights = {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in onnx.load(path).graph.initializer}
    weights["attention.to_out.bias"] += 0.5
    (expected,) = run(path, feeds)
    assert numpy.abs(run_layers(answer, weights, feeds)["out"] - expected).max() > 1e-3


def test_components_of_a_pipeline(describe_onnx, tmp_path):
    path = tmp_path / "pipeline.onnx"
    onnx_models.export("pipeline", path)
    sizes = {"height": 16, "width": 16, "sequenceLength": 9}
    usual, both = describe_onnx([{"path": str(path), "out": str(tmp_path / "a"), "bindings": sizes}, {"path": str(path), "out": str(tmp_path / "b"), "bindings": sizes, "options": {"train": ["text_encoder"]}}])
    assert [(c["name"], c["role"], c["after"]) for c in usual["components"]] == [("text_encoder", "frozen", []), ("unet", "trained", ["text_encoder"])]
    assert [c["segments"][0]["component"] for c in usual["chains"]] == ["unet"]
    assert not any(layer["needsInputGrad"] or layer["needsWeightGrad"] for layer in usual["components"][0]["layers"])
    (text,) = [t for t in usual["tensors"] if t["producer"]["component"] == "text_encoder" and any(c["component"] == "unet" for c in t["consumers"])]
    assert (text["transport"], text["hasGradient"], text["bytesPerSample"]) == ("redistribute", False, 9 * 12 * 4)
    assert [s["component"] for s in both["chains"][0]["segments"]] == ["text_encoder", "unet"]
    assert any(t["hasGradient"] for t in both["tensors"] if t["producer"]["component"] == "text_encoder")
