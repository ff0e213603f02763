"""The graphs of I and W against autograd: every operator at random shapes, and every kind of layer of every family."""

import json

import numpy
import onnx
import onnx_in_torch
import onnxruntime
import pytest
import torch
from conftest import describer
from family import all_families

TOLERANCE = 1e-3
FAMILIES = all_families()
OF_EACH_OPERATOR = 15


@pytest.fixture(scope="module")
def describe_gradients(tmp_path_factory):
    return describer(tmp_path_factory.mktemp("gradients"), "describeGradients")


def random_value(value, generator):
    if value["type"] == "int64":
        return torch.randint(0, value.get("below", 2), value["shape"], generator=generator)
    # Away from zero, since some operators divide; one number per sample is a timestep, of which some take the logarithm.
    random = torch.randn(value["shape"], generator=generator)
    return random.abs() + 0.1 if len(value["shape"]) == 1 else random + 0.1


def random_parameter(value, generator):
    fan_in = numpy.prod(value["shape"][1:]) if len(value["shape"]) > 1 else 1
    return torch.randn(value["shape"], generator=generator) * float(fan_in) ** -0.5 + (1 if len(value["shape"]) == 1 else 0)


def onnxruntime_run(path, feeds):
    onnx.checker.check_model(str(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, {name: value.detach().numpy() for name, value in feeds.items()})


def compare(ours, theirs, largest, what):
    """@param largest Of all the layer's gradients: what a gradient that is zero by nature (a key's bias) is measured by."""
    theirs = theirs.numpy()
    assert ours.shape == theirs.shape, what
    assert numpy.isfinite(ours).all(), what
    scale = float(numpy.abs(theirs).max())
    found = float(numpy.abs(ours - theirs).max()) / (scale if scale > 1e-9 * largest else max(largest, 1e-30))
    assert found < TOLERANCE, f"{what}: {found}"
    return found


def check_layer(layer, folder, index, change=lambda feeds: None):
    """@returns The worst relative difference of its gradients."""
    what = f"{layer['kind']} {layer['name']}"
    generator = torch.Generator().manual_seed(index)
    given = {value["name"]: random_value(value, generator) for value in layer["inputs"]}
    weights = {value["name"]: random_parameter(value, generator) for value in layer["parameters"]}
    wanted = [*layer["wanted"], *weights]
    forward = folder / f"{index}.forward.onnx"
    # Twice the precision, so that the difference is ours alone.
    given, weights = ({name: value.double() if value.is_floating_point() else value for name, value in values.items()} for values in (given, weights))
    for name in wanted:
        {**given, **weights}[name].requires_grad_()
    made = onnx_in_torch.run(forward, {**given, **weights})
    kept = dict(zip(layer["values"], [made[output.name] for output in onnx.load(forward).graph.output]))
    gradients = {output["gradient"]: torch.randn(kept[output["value"]].shape, generator=generator).double() for output in layer["outputs"]}
    loss = sum((kept[output["value"]] * gradients[output["gradient"]]).sum() for output in layer["outputs"] if kept[output["value"]].requires_grad)
    theirs = dict(zip(wanted, torch.autograd.grad(loss, [{**given, **weights}[name] for name in wanted], allow_unused=True)))

    largest = max((float(value.abs().max()) for value in theirs.values() if value is not None), default=0.0)

    feeds = {name: value.float() if value.is_floating_point() else value for name, value in {**given, **kept, **gradients, **weights}.items()}
    change(feeds)
    worst = 0.0
    seen = set()
    for name in ("I", "W"):
        graph = layer.get(name)
        if graph is None:
            continue
        outputs = onnxruntime_run(folder / f"{index}.{name}.onnx", {value: feeds[value] for value in [*graph["reads"], *graph["parameters"]]})
        for of, ours in zip(graph["of"], outputs):
            seen.add(of)
            expected = theirs[of] if theirs[of] is not None else torch.zeros_like({**given, **weights}[of])
            worst = max(worst, compare(ours, expected, largest, f"{what}, gradient of {of}"))
        feeds.update((value, torch.from_numpy(output)) for value, output in zip(graph["makes"], outputs))
    assert {name for name in wanted if theirs[name] is not None and bool(theirs[name].any())} <= seen, what
    return worst


def test_operators(describe_gradients):
    ((layers, folder),) = describe_gradients([{"seed": 20261126, "count": OF_EACH_OPERATOR}])
    assert len(layers) % OF_EACH_OPERATOR == 0 and len({layer["kind"] for layer in layers}) == len(layers) // OF_EACH_OPERATOR
    for index, layer in enumerate(layers):
        check_layer(layer, folder, index)


@pytest.mark.parametrize("name", FAMILIES)
def test_layers(describe_gradients, name):
    family = FAMILIES[name]
    requests = [{key: value for key, value in {**case.request(family), "batch": case.batch}.items() if key != "graphs"} for case in family.REDUCED.values()]
    checked = set()
    for layers, folder in describe_gradients(requests):
        for index, layer in enumerate(layers):
            # The last of each kind in an instance: the first often lacks an input that the others have.
            if layer["kind"] in {later["kind"] for later in layers[index + 1 :]} or layer["signature"] in checked:
                continue
            check_layer(layer, folder, index)
            checked.add(layer["signature"])
    assert checked


def test_a_wrong_value_is_noticed(describe_gradients):
    """The comparison can fail: a kept activation that is off by a little gives other gradients."""
    family = FAMILIES["unet2d_condition_model"]
    case = next(iter(family.REDUCED.values()))
    ((layers, folder),) = describe_gradients([{**case.request(family), "batch": 1}])
    index, layer = next((index, layer) for index, layer in enumerate(layers) if layer["kind"] == "resnet_block_2d")

    def spoil(feeds):
        for name in layer["values"]:
            feeds[name] = feeds[name] * 1.05

    with pytest.raises(AssertionError):
        check_layer(layer, folder, index, spoil)
