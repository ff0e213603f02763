"""Layers, their order, their parameters and their output shapes, against diffusers and transformers on the meta device."""

import pytest
import reference
from conftest import FIXTURES, ROOT

MODELS = {
    "sample": ROOT / "media" / "sample" / "model",
    "small": FIXTURES / "small",
    "stable-diffusion-1-5": FIXTURES / "stable-diffusion-1-5",
    "stable-diffusion-2-1": FIXTURES / "stable-diffusion-2-1",
}
COMPONENTS = ["text_encoder", "vae", "unet"]
KNOWN_COUNTS = {
    ("stable-diffusion-1-5", "unet"): 859_520_964,
    ("stable-diffusion-1-5", "text_encoder"): 123_060_480,
    ("stable-diffusion-1-5", "vae"): 34_163_664,
    ("stable-diffusion-2-1", "unet"): 865_910_724,
    ("stable-diffusion-2-1", "text_encoder"): 340_387_840,
    ("stable-diffusion-2-1", "vae"): 34_163_664,
}


@pytest.fixture(scope="module")
def facts(describe):
    described = describe([(folder, {}) for folder in MODELS.values()])
    return {name: fact for name, (fact, _) in zip(MODELS, described)}


def check_component(component, facts, folder):
    """Everything that can be compared without computing a value."""
    described = {c["name"]: c for c in facts["components"]}[component]
    module = reference.build(component, folder, "meta")
    layers = described["layers"]

    parameters = {f"{name}": tuple(p.shape) for name, p in module.named_parameters()}
    ours = {p["name"]: tuple(p["shape"]) for layer in layers for p in layer["parameterShapes"]}
    assert ours == parameters
    assert described["parameters"] == sum(p.numel() for p in module.parameters())
    for layer in layers:
        held = sum(p.numel() for path in layer["modules"] for p in module.get_submodule(path).parameters())
        assert layer["parameters"] == held, layer["name"]

    paths = [path for layer in layers for path in layer["modules"]]
    values = reference.inputs_of(component, facts, 1, "meta")
    calls, _ = reference.trace(component, module, values, set(paths))
    assert [name for name, _ in calls] == paths
    shapes = dict((name, list(value.shape)) for name, value in calls)
    for layer in layers:
        assert layer["output"]["shape"] == shapes[layer["modules"][-1]], layer["name"]


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("name", MODELS)
def test_layers_equal_the_reference(facts, name, component):
    check_component(component, facts[name], MODELS[name])


@pytest.mark.parametrize(("name", "component"), KNOWN_COUNTS)
def test_known_parameter_counts(facts, name, component):
    found = {c["name"]: c["parameters"] for c in facts[name]["components"]}
    assert found[component] == KNOWN_COUNTS[name, component]
