"""The forward graphs, with the reference's weights, compute what the reference computes: every layer of a whole component,
run through onnxruntime along the product's own tensors, so that order, skips and conditioning are checked with the values."""

import numpy
import onnx
import onnxruntime
import pytest
import reference
from conftest import FIXTURES, ROOT

TOLERANCE = 1e-3
BATCH = 2
SMALL = FIXTURES / "small"
SAMPLE = ROOT / "media" / "sample" / "model"

# Each changes what some kind of layer computes.
VARIANTS = {
    "small": {},
    "unet-linear-projection": {"unet": {"use_linear_projection": True, "attention_head_dim": [2, 8], "transformer_layers_per_block": 2}},
    "unet-uneven": {
        "unet": {
            "block_out_channels": [16, 24, 40],
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "layers_per_block": [1, 2, 1],
            "transformer_layers_per_block": [1, 2, 1],
            "attention_head_dim": [3, 5, 3],
        }
    },
    "unet-time": {"unet": {"flip_sin_to_cos": False, "freq_shift": 1, "time_embedding_dim": 20, "act_fn": "gelu", "norm_eps": 1e-3}},
    "unet-padding": {"unet": {"downsample_padding": 0, "mid_block_scale_factor": 1.5, "conv_in_kernel": 1, "conv_out_kernel": 5, "act_fn": "mish"}},
    "unet-plain-middle": {"unet": {"mid_block_type": "UNetMidBlock2D", "act_fn": "relu"}},
    "unet-no-middle": {"unet": {"mid_block_type": None}},
    "unet-inpainting": {"unet": {"in_channels": 9}},
    "vae-without-attention": {"vae": {"mid_block_add_attention": False, "use_quant_conv": False, "layers_per_block": 2, "act_fn": "gelu"}},
    "vae-deep": {"vae": {"block_out_channels": [8, 16, 24], "down_block_types": ["DownEncoderBlock2D"] * 3, "up_block_types": ["UpDecoderBlock2D"] * 3}},
    "text-gelu": {"text_encoder": {"hidden_act": "gelu"}},
    "text-tanh": {"text_encoder": {"hidden_act": "gelu_new", "layer_norm_eps": 1e-3}},
    "text-silu": {"text_encoder": {"hidden_act": "silu"}},
    "text-relu": {"text_encoder": {"hidden_act": "relu"}},
    "text-fast": {"text_encoder": {"hidden_act": "gelu_fast"}},
}


def session(file):
    onnx.checker.check_model(str(file), full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def check_values(component, facts, graphs, folder, change=lambda weights: None):
    """`change` may spoil the graphs' copy of the weights."""
    module = reference.randomize(reference.build(component, folder), seed=7)
    described = {c["name"]: c for c in facts["components"]}[component]["layers"]
    given = reference.inputs_of(component, facts, BATCH)
    calls, output = reference.trace(component, module, given, {layer["modules"][-1] for layer in described})
    expected = dict(calls)
    weights = {name: p.detach().clone().numpy() for name, p in module.named_parameters()}
    change(weights)

    consumed = {}
    for tensor in facts["tensors"]:
        for consumer in tensor["consumers"]:
            if consumer["component"] == component:
                consumed.setdefault(consumer["layer"], []).append(tensor["id"])
    made = {}
    for index, layer in enumerate(described):
        feeds = {p["name"]: weights[p["name"]] for p in layer["parameterShapes"]}
        inner = [t for t in consumed[layer["name"]] if t.startswith(f"{component}/") and t != f"{component}/time_embedding"]
        for value in layer["inputs"]:
            name = value["name"]
            if name in given:
                feeds[name] = given[name].numpy()
            elif name == "temb":
                assert f"{component}/time_embedding" in consumed[layer["name"]]
                feeds[name] = made["time_embedding"]
            elif name == "hidden_states":
                before = described[index - 1]["name"]
                assert f"{component}/{before}" in inner
                feeds[name] = made[before]
            else:
                assert name == "skip"
                (skip,) = [t for t in inner if t != f"{component}/{described[index - 1]['name']}"] or inner
                feeds[name] = made[skip.removeprefix(f"{component}/")]
        (result,) = session(graphs / component / f"{layer['name']}.onnx").run(None, feeds)
        reference_value = expected[layer["modules"][-1]].numpy()
        assert result.shape == reference_value.shape
        error = numpy.abs(result - reference_value).max() / max(1.0, numpy.abs(reference_value).max())
        assert error < TOLERANCE, f"{layer['name']} ({layer['kind']}): {error}"
        made[layer["name"]] = result
    assert numpy.abs(made[described[-1]["name"]] - output.numpy()).max() < TOLERANCE * max(1.0, float(output.abs().max()))
    assert float(output.std()) > 1e-3


@pytest.mark.parametrize("name", VARIANTS)
def test_every_layer_of_a_variant(describe, variant, name):
    folder = variant(SMALL, VARIANTS[name])
    size = {"bindings": {"height": 48, "width": 32, "sequenceLength": 10}, "graphs": BATCH}
    ((facts, graphs),) = describe([(folder, size)])
    assert "error" not in facts, facts
    for component in VARIANTS[name] or ["text_encoder", "vae", "unet"]:
        check_values(component, facts, graphs, folder)


@pytest.mark.parametrize("component", ["text_encoder", "vae", "unet"])
def test_every_layer_of_the_sample(describe, component):
    ((facts, graphs),) = describe([(SAMPLE, {"graphs": BATCH})])
    check_values(component, facts, graphs, SAMPLE)


@pytest.mark.parametrize(
    "name",
    ["time_embedding.linear_2.bias", "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight", "up_blocks.1.resnets.1.conv_shortcut.bias"],
)
def test_a_wrong_weight_is_noticed(describe, name):
    """The comparison can fail: one parameter spoiled is more than the tolerance."""
    ((facts, graphs),) = describe([(SMALL, {"graphs": BATCH})])

    def spoil(weights):
        weights[name] += 0.5

    with pytest.raises(AssertionError):
        check_values("unet", facts, graphs, SMALL, spoil)
