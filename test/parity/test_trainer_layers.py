"""The parser and the trainer see the same layers: names, order, and what each takes from the others. A plan is made by one and run by the other."""

import sys

import pytest
import reference
from conftest import FIXTURES, ROOT

sys.path.insert(0, str(ROOT / "src" / "trainer"))

from diffusionpipe_trainer.layers.autoencoder_kl import autoencoder_layers  # noqa: E402
from diffusionpipe_trainer.layers.clip_text import clip_text_layers  # noqa: E402
from diffusionpipe_trainer.layers.unet2d_condition import unet_layers  # noqa: E402

MODELS = [ROOT / "media" / "sample" / "model", FIXTURES / "small", FIXTURES / "stable-diffusion-2-1"]
LAYERS = {"text_encoder": clip_text_layers, "vae": autoencoder_layers, "unet": unet_layers}


@pytest.mark.parametrize("component", LAYERS)
@pytest.mark.parametrize("folder", MODELS, ids=lambda folder: folder.name)
def test_the_trainer_has_the_same_layers(describe, folder, component):
    ((facts, _),) = describe([(folder, {})])
    ours = [layer["name"] for layer in {c["name"]: c for c in facts["components"]}[component]["layers"]]
    theirs = LAYERS[component](component, reference.build(component, folder, "meta"))
    assert [layer.name for layer in theirs] == ours

    made_by_layers = {f"{c['name']}/{layer['name']}" for c in facts["components"] for layer in c["layers"]}
    consumed = {name: set() for name in ours}
    for tensor in facts["tensors"]:
        for consumer in tensor["consumers"]:
            # The noisy latents and the loss are made of the autoencoder's moments outside the layers.
            if consumer["component"] == component and tensor["producer"]["component"] not in ("data", "vae" if component == "unet" else ""):
                consumed[consumer["layer"]].add(tensor["id"])
    for layer in theirs:
        assert {i for i in layer.inputs if i in made_by_layers} == consumed[layer.name], layer.name
