"""Traced modules, against what PyTorch itself counts, keeps and passes on, and against the product's own descriptions."""

import base64
import importlib
import json
import os
import subprocess
import sys

import onnxruntime
import pytest
import torch
from conftest import ROOT
from family import saved_bytes
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

TRACER = ROOT / "src" / "parse" / "trace"
sys.path.insert(0, str(TRACER))
tracer = importlib.import_module("diffusionpipe_tracer.__main__")
FIXTURES = ROOT / "test" / "fixtures" / "trace"
TIME_LIMIT = 240

OWN = {
    "class": "own_unet:OwnUNet",
    "config": {"width": 8},
    "folder": str(FIXTURES),
    "inputs": {
        "batch": {"dict": {"image": {"shape": ["batch", 3, 16, 16]}, "label": {"shape": ["batch"], "dtype": "int64"}}},
        "timestep": {"shape": ["batch"], "dtype": "int64"},
    },
}
CASES = {
    "own": OWN,
    "unet-1d": {"class": "diffusers:UNet1DModel", "config": {"sample_size": 256, "extra_in_channels": 64}},
    "vq": {"class": "diffusers:VQModel", "config": {"block_out_channels": [32, 64], "down_block_types": ["DownEncoderBlock2D"] * 2, "up_block_types": ["UpDecoderBlock2D"] * 2}},
    "kandinsky-2.2": {
        "class": "diffusers:UNet2DConditionModel",
        "config": {
            "sample_size": 16, "encoder_hid_dim": 64, "encoder_hid_dim_type": "image_proj", "addition_embed_type": "image", "cross_attention_dim": 32,
            "block_out_channels": [32, 64], "down_block_types": ["ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"],
            "up_block_types": ["SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"], "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
            "layers_per_block": 1, "attention_head_dim": 8, "resnet_time_scale_shift": "scale_shift",
        },
    },
    "stable-cascade": {
        "class": "diffusers:StableCascadeUNet",
        "config": {
            "in_channels": 4, "out_channels": 4, "block_out_channels": [64, 64], "num_attention_heads": [2, 2], "conditioning_dim": 32, "down_num_layers_per_block": [1, 2],
            "up_num_layers_per_block": [2, 1], "clip_text_pooled_in_channels": 24, "timestep_ratio_embedding_dim": 16,
        },
        "sizes": {"height": 16, "width": 16},
    },
    "audioldm2": {
        "class": "diffusers:AudioLDM2UNet2DConditionModel",
        "config": {
            "sample_size": 16, "block_out_channels": [32], "down_block_types": ["CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D"],
            "layers_per_block": 1, "cross_attention_dim": [[None, 16, 24]], "attention_head_dim": 8, "norm_num_groups": 8,
        },
        "inputs": {"encoder_hidden_states": {"shape": ["batch", 8, 16]}, "encoder_hidden_states_1": {"shape": ["batch", 12, 24]}},
    },
    "hunyuan-dit": {
        "class": "diffusers:HunyuanDiT2DModel",
        "config": {
            "num_attention_heads": 2, "attention_head_dim": 16, "in_channels": 4, "patch_size": 2, "sample_size": 8, "hidden_size": 32, "num_layers": 4,
            "cross_attention_dim": 32, "cross_attention_dim_t5": 48, "pooled_projection_dim": 40, "text_len": 7, "text_len_t5": 9,
        },
        "inputs": {
            "encoder_hidden_states": {"shape": ["batch", 7, 32]}, "text_embedding_mask": {"shape": ["batch", 7]},
            "encoder_hidden_states_t5": {"shape": ["batch", 9, 48]}, "text_embedding_mask_t5": {"shape": ["batch", 9]},
            "image_meta_size": {"shape": ["batch", 6]}, "style": {"shape": ["batch"], "dtype": "int64"},
            "image_rotary_emb": {"list": [{"shape": [16, 16]}, {"shape": [16, 16]}]},
        },
    },
    "clip": {"class": "transformers:CLIPTextModelWithProjection", "config": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 5, "num_attention_heads": 2, "vocab_size": 100, "max_position_embeddings": 20, "eos_token_id": 99}},
}
# A grouped convolution: torch's counter counts its weight gradient once per group.
OVERCOUNTED = {"stable-cascade"}
UNTRACED_BATCH = 5
traces = {}


def run_tracer(request):
    """In a process of its own, as the product runs it."""
    return subprocess.run(
        [sys.executable, "-m", "diffusionpipe_tracer"], input=json.dumps(request), capture_output=True, text=True, cwd=TRACER, timeout=TIME_LIMIT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def answer(request):
    """Here, so that torch is imported once."""
    folder = os.getcwd()
    try:
        return tracer.answer(json.dumps(request))
    finally:
        os.chdir(folder)


def trace(request):
    key = json.dumps(request, sort_keys=True)
    if key not in traces:
        document = answer(request)
        assert "error" not in document, document["error"]
        traces[key] = document
    return traces[key]


def build(request, device):
    """The same module, built here without the tracer's help."""
    module_name, class_name = request["class"].split(":")
    if "folder" in request and request["folder"] not in sys.path:
        sys.path.insert(0, request["folder"])
    cls = getattr(importlib.import_module(module_name), class_name)
    torch.manual_seed(0)
    with torch.device(device):
        if module_name == "diffusers":
            return cls.from_config(request["config"]).train()
        if module_name == "transformers":
            return cls(cls.config_class(**request["config"])).train()
        return cls(**request["config"]).train()


def values(specification, batch, device):
    if "value" in specification:
        return specification["value"]
    if "dict" in specification:
        return {key: values(inner, batch, device) for key, inner in specification["dict"].items()}
    if "list" in specification:
        return [values(inner, batch, device) for inner in specification["list"]]
    shape = [batch if side == "batch" else side for side in specification["shape"]]
    if specification.get("dtype", "float32") == "float32":
        return torch.rand(shape, device=device)
    return torch.zeros(shape, dtype=torch.int64, device=device)


def call(module, document, batch, device):
    return module(**{name: values(specification, batch, device) for name, specification in document["inputs"].items()})


def tensors_of(output):
    output = output.to_tuple() if hasattr(output, "to_tuple") else output
    return [value for value in (output.values() if isinstance(output, dict) else output) if isinstance(value, torch.Tensor)]


def at(amount, batch):
    return amount["perSample"] * batch + amount["fixed"]


def total(document, batch, *keys, kind="trained"):
    parts = [layer if key in layer else layer["backward"][kind] for layer in document["layers"] for key in keys]
    names = [key for _ in document["layers"] for key in keys]
    return sum(at(part[key], batch) for part, key in zip(parts, names))


@pytest.mark.parametrize("name", CASES)
def test_parameters_are_exact_and_held_once(name):
    document, module = trace(CASES[name]), build(CASES[name], "meta")
    assert document["parameters"] == sum(parameter.numel() for parameter in module.parameters())
    assert sum(layer["parameters"] for layer in document["layers"]) == document["parameters"]
    assert sum(layer["trainableParameters"] for layer in document["layers"]) == sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


@pytest.mark.parametrize("name", CASES)
def test_flops_are_those_that_torch_counts(name):
    """On "meta", where attention is made of the products that torch's counter knows, at a batch that was not traced."""
    document, module = trace(CASES[name]), build(CASES[name], "meta")
    assert UNTRACED_BATCH not in document["batches"]
    with FlopCounterMode(display=False) as counter:
        outputs = tensors_of(call(module, document, UNTRACED_BATCH, "meta"))
    assert total(document, UNTRACED_BATCH, "forwardFlops") == counter.get_total_flops()
    with FlopCounterMode(display=False) as counter:
        torch.autograd.backward([value for value in outputs if value.requires_grad], [torch.empty_like(value) for value in outputs if value.requires_grad])
    backward = total(document, UNTRACED_BATCH, "inputGradFlops", "weightGradFlops")
    assert backward < counter.get_total_flops() if name in OVERCOUNTED else backward == counter.get_total_flops()


@pytest.mark.parametrize("name", CASES)
def test_layers_run_in_the_order_of_their_modules(name):
    document, module = trace(CASES[name]), build(CASES[name], "meta")
    wanted = [path for layer in document["layers"] for path in layer["modules"]]
    ended = []
    for path, child in module.named_modules():
        if path in wanted:
            child.register_forward_hook(lambda *_, path=path: ended.append(path))
    call(module, document, 2, "meta")
    assert ended == wanted


@pytest.mark.parametrize("name", ["own", "vq", "kandinsky-2.2", "clip"])
def test_one_layer_keeps_what_autograd_keeps(name):
    """The whole module as one layer, against a real pass on this CPU."""
    document = trace({**CASES[name], "options": {"maxLayers": 1}})
    assert len(document["layers"]) == 1
    module = build(CASES[name], "cpu")
    theirs = saved_bytes(lambda: call(module, document, UNTRACED_BATCH, "cpu"), [*module.parameters(), *module.buffers()])
    assert total(document, UNTRACED_BATCH, "savedUntilInputGradBytes", "savedUntilWeightGradBytes") == theirs


def edges(document):
    """{(producer, consumer): bytes per sample}."""
    names = [layer["name"] for layer in document["layers"]]
    found = {}
    for tensor in document["tensors"]:
        producer = tensor["producer"].get("input") or names[tensor["producer"]["layer"]]
        for consumer in tensor["consumers"]:
            key = (producer, names[consumer])
            found[key] = found.get(key, 0) + tensor["bytes"]["perSample"]
    return found


@pytest.mark.parametrize("name", ["unet"])
def test_skips_are_found(name):
    """Recounted from a real pass: which layer made the tensors that each up block is handed."""
    request = {**EXPORTED[name], "exports": True}
    document, module = trace(request), build(request, "cpu")
    layers = {layer["name"] for layer in document["layers"]}
    makers, handed = {}, []
    for path, child in module.named_modules():
        if path in layers:

            def made(_module, _args, output, path=path):
                value = output if isinstance(output, torch.Tensor) else output[0]
                makers[value.untyped_storage().data_ptr()] = (path, value)

            child.register_forward_hook(made)
        if path.startswith("up_blocks.") and path.count(".") == 1:

            def given(_module, _args, kwargs, path=path):
                for index, skip in enumerate(reversed(kwargs["res_hidden_states_tuple"])):
                    handed.append((makers[skip.untyped_storage().data_ptr()][0], f"{path}.resnets.{index}", skip[0].numel() * 4))

            child.register_forward_pre_hook(given, with_kwargs=True)
    call(module, document, 2, "cpu")
    assert len(handed) == 6
    found = edges(document)
    for producer, consumer, size in handed:
        assert found[producer, consumer] == size
    skips = {(producer, consumer) for producer, consumer in found if producer.startswith(("conv_in", "down_blocks")) and consumer.startswith("up_blocks")}
    assert skips == {(producer, consumer) for producer, consumer, _ in handed}


def test_a_module_of_our_own():
    document = trace(OWN)
    layers = {layer["name"]: layer for layer in document["layers"]}
    found = edges(document)
    last_down = [name for name in layers if name.startswith("down2")][-1]
    first_up1 = next(name for name in layers if name.startswith("up1"))
    first_up2 = next(name for name in layers if name.startswith("up2"))
    skips = {(producer, consumer) for producer, consumer in found if producer.startswith("down") and consumer.startswith("up")}
    assert {consumer for _, consumer in skips} == {first_up1, first_up2}
    assert (last_down, first_up2) in skips
    # Nothing that only the unused head has is lost, and it is said.
    assert any("head.weight" in note for note in document["notes"])
    assert any("24 parameters have requires_grad False" in note for note in document["notes"])
    # The middle block runs twice: its parameters count once, the second run says whose they are.
    twice = [name for name in layers if name.endswith("@2")]
    assert twice and all(layers[name]["parameters"] == 0 and layers[name]["learns"] for name in twice)
    assert {shared["parameter"] for name in twice for shared in layers[name]["shared"]} == {f"middle.{part}" for part in ("first.weight", "first.bias", "norm.weight", "norm.bias", "second.weight", "second.bias")}
    # The label's embedding and the timestep reach the first block's output; integers carry no gradient.
    inputs = {tensor["producer"]["input"]: tensor for tensor in document["tensors"] if "input" in tensor["producer"]}
    assert set(inputs) == {"batch.image", "batch.label", "timestep"}
    assert inputs["batch.image"]["differentiable"] and not inputs["timestep"]["differentiable"]
    assert document["sizes"] == {"height": 16, "width": 16, "sequenceLength": 1}


def test_input_gradients_are_those_of_what_learns_before():
    """A locked module passes gradients through without keeping what only weights need."""
    document = trace(OWN)
    assert total(document, 1, "weightGradFlops", kind="passedThrough") == 0
    module = build(OWN, "meta").requires_grad_(False)
    arguments = {name: values(specification, 2, "meta") for name, specification in OWN["inputs"].items()}
    arguments["batch"]["image"].requires_grad_()
    output = module(**arguments)["image"]
    with FlopCounterMode(display=False) as counter:
        output.backward(torch.empty_like(output))
    assert total(document, 2, "inputGradFlops", kind="passedThrough") == counter.get_total_flops()
    assert total(document, 1, "inputGradFlops", kind="trained") < total(document, 1, "inputGradFlops", kind="trainedThroughout")


@pytest.mark.parametrize(
    ("name", "request_", "kind", "says", "place"),
    [
        ("class missing", {"class": "own_unet:Missing"}, "class", "Modules there: Block, OwnUNet", None),
        ("module missing", {"class": "nowhere_at_all:X"}, "import", "No module named 'nowhere_at_all'", None),
        ("import fails", {"class": "imports_missing:X"}, "import", "No module named 'a_package_that_is_not_there'", ("imports_missing.py", 1)),
        ("syntax error", {"class": "syntax_error:X"}, "import", "SyntaxError", ("syntax_error.py", 1)),
        ("not a module", {"class": "broken:not_a_class"}, "class", "not a class derived from torch.nn.Module", None),
        ("argument missing", {"class": "broken:NeedsTwo", "config": {"one": 1}}, "constructor", "missing 1 required positional argument: 'two'", None),
        ("constructor raises", {"class": "broken:RaisesInConstructor"}, "constructor", "ValueError: the width must be even", ("broken.py", 17)),
        ("no shape known", {"class": "own_unet:OwnUNet"}, "inputs", 'No shape is known for "batch"', None),
        ("unknown input", {"class": "broken:RaisesInForward", "inputs": {"y": {"shape": [1]}}}, "inputs", 'takes no "y"', None),
        ("shape wrong", {"class": "broken:RaisesInForward", "inputs": {"x": {"shape": ["batch", 0]}}}, "inputs", 'A side of "x" is 0', None),
        ("too large", {"class": "broken:RaisesInForward", "inputs": {"x": {"shape": ["batch", 2**40, 2**40]}}}, "inputs", "more than", None),
        ("forward raises", {"class": "broken:RaisesInForward", "inputs": {"x": {"shape": ["batch", 4]}}}, "forward", "must have same reduction dim", ("broken.py", 26)),
        ("values needed", {"class": "broken:LooksAtValues", "inputs": {"x": {"shape": ["batch", 4]}}}, "values", "depends on a tensor's values", ("broken.py", 35)),
        ("exit called", {"class": "broken:CallsExit", "inputs": {"x": {"shape": ["batch", 4]}}}, "forward", "SystemExit", ("broken.py", 52)),
        ("changes its mind", {"class": "broken:ChangesItsMind", "inputs": {"x": {"shape": ["batch", 4]}}}, "forward", "must find the same work each time", None),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_errors_say_what_and_where(name, request_, kind, says, place):
    error = answer({"folder": str(FIXTURES), **request_})["error"]
    assert error["kind"] == kind
    assert says in error["message"]
    if place is None:
        return
    assert (os.path.basename(error["file"]), error["line"]) == place
    assert error["traceback"].splitlines()[-1] in error["message"]


def test_prints_do_not_reach_the_document():
    done = run_tracer({"class": "broken:WritesToFileDescriptor", "folder": str(FIXTURES), "inputs": {"x": {"shape": ["batch", 4]}}})
    assert json.loads(done.stdout)["parameters"] == 20
    assert '{"format": "diffusionpipe.trace/1"}' in done.stderr
    done = run_tracer(OWN)
    assert json.loads(done.stdout)["class"] == "own_unet:OwnUNet"
    assert "own_unet is imported" in done.stderr and "the forward pass runs" in done.stderr


def test_endless_work_is_bounded():
    done = run_tracer({"class": "broken:HasTooManyOperators", "folder": str(FIXTURES), "inputs": {"x": {"shape": ["batch", 4]}}, "options": {"maxOperators": 2000}})
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["kind"] == "limits"


def inspect(*arguments, cwd=FIXTURES):
    return subprocess.run(["node", ROOT / "dist" / "cli.js", "inspect", *arguments, "--python", sys.executable], capture_output=True, text=True, cwd=cwd, timeout=TIME_LIMIT)


def test_the_command_line_traces_and_ends_what_takes_too_long(tmp_path):
    config = tmp_path / "config.json"
    config.write_text("{}")
    done = inspect("own_unet:OwnUNet", "--config", config, "--inputs", json.dumps(OWN["inputs"]), "--json")
    document = json.loads(done.stdout)
    assert document["components"][0]["parameters"] == trace(OWN)["parameters"]
    assert document["chains"][0]["segments"] == [{"component": "OwnUNet", "from": 0, "to": len(trace(OWN)["layers"])}]

    done = inspect("broken:NeverEnds", "--config", config, "--inputs", '{"x": {"shape": ["batch", 4]}}', "--time-limit", "8")
    assert done.returncode == 1
    assert "broken:NeverEnds: Tracing failed:" in done.stderr and "did not end within 8000 ms" in done.stderr

    done = inspect("broken:ExitsTheProcess", "--config", config, "--inputs", '{"x": {"shape": ["batch", 4]}}')
    assert done.returncode == 1
    assert "before the trace was done" in done.stderr and "leaving early" in done.stderr


EXPORTED = {
    "own": OWN,
    "vq": CASES["vq"],
    "unet": {"class": "diffusers:UNet2DConditionModel", "config": {"block_out_channels": [32, 64], "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "cross_attention_dim": 32, "sample_size": 16, "norm_num_groups": 8, "attention_head_dim": 8}},
}


@pytest.mark.parametrize("name", ["own", "unet"])
def test_an_exported_graph_computes_what_the_module_does_at_any_batch(name):
    """The whole model as one layer, so that its inputs and outputs are the module's own; a batch that was not traced."""
    request = EXPORTED[name]
    document = trace({**request, "exports": True, "options": {"maxLayers": 1}})
    assert len(document["layers"]) == 1
    exported = document["graphs"][document["layers"][0]["signature"]]
    session = onnxruntime.InferenceSession(base64.b64decode(exported["onnx"]), providers=["CPUExecutionProvider"])
    module = build(request, "cpu").eval()
    for batch in (1, 5):
        arguments = {key: values(specification, batch, "cpu") for key, specification in document["inputs"].items()}
        with torch.no_grad():
            expected = tensors_of(module(**arguments))[0]
        given = [leaf for leaf in tree_leaves(arguments) if isinstance(leaf, torch.Tensor)]
        state = {key.replace(".", "/"): value for key, value in module.state_dict().items()}
        feed = {}
        for wanted in session.get_inputs():
            if not wanted.name.startswith("input."):
                feed[wanted.name] = state[wanted.name].numpy()
                continue
            kind = {"tensor(float)": torch.float32, "tensor(int64)": torch.int64}[wanted.type]
            fitting = [leaf for leaf in given if leaf.dtype == kind and len(leaf.shape) == len(wanted.shape) and all(isinstance(side, str) or side == own for side, own in zip(wanted.shape, leaf.shape))]
            feed[wanted.name] = fitting[0].numpy()
        made = [value for value in session.run(None, feed) if value.shape == tuple(expected.shape)][-1]
        assert abs(made - expected.numpy()).max() <= 1e-3 * max(1, expected.abs().max().item())


@pytest.mark.parametrize("name", EXPORTED)
def test_nearly_all_layers_are_exported_and_the_others_say_why(name):
    document = trace({**EXPORTED[name], "exports": True})
    graphs = [document["graphs"][layer["signature"]] for layer in document["layers"]]
    reasons = [graph["reason"] for graph in graphs if "reason" in graph]
    assert len(reasons) <= 0.1 * len(graphs), reasons
    assert all(reasons)


def test_the_command_line_measures_traced_layers(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(OWN["config"]))
    out = tmp_path / "own.profile.json"
    done = subprocess.run(
        ["node", ROOT / "dist" / "cli.js", "profile", "own_unet:OwnUNet", "--config", config, "--inputs", json.dumps(OWN["inputs"]), "--python", sys.executable, "--batches", "1,4", "-o", out],
        capture_output=True, text=True, cwd=FIXTURES, timeout=TIME_LIMIT, env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    layers = json.loads(out.read_text())["components"][0]["layers"]
    assert len(layers) == len(trace(OWN)["layers"])
    for layer in layers:
        assert [(time["batch"], time["source"], time.get("status", "ok")) for time in layer["times"]] == [(1, "measured", "ok"), (4, "measured", "ok")], layer["name"]

    plan = tmp_path / "own.pipeplan.json"
    done = subprocess.run(
        ["node", ROOT / "dist" / "cli.js", "plan", "own_unet:OwnUNet", "--config", config, "--inputs", json.dumps(OWN["inputs"]), "--python", sys.executable, "--cluster", ROOT / "media" / "sample" / "local.cluster.json", "--batch", "8", "-o", plan],
        capture_output=True, text=True, cwd=FIXTURES, timeout=TIME_LIMIT, env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(plan.read_text())["chains"][0]["stages"][-1]["to"] == len(layers)
    assert "The trainer cannot run it" in done.stdout


def test_a_traced_unet_is_the_described_one(describe, variant):
    """The same configuration by our own description: parameters of every group of layers, FLOPs within 5 %."""
    folder = variant(ROOT / "test" / "fixtures" / "models" / "stable-diffusion-1-5", {"unet": {
        "layers_per_block": 1, "block_out_channels": [320, 640], "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    }})
    ((facts, _),) = describe([(folder, {"bindings": {"height": 512, "width": 512}})])
    described = {component["name"]: component for component in facts["components"]}["unet"]["layers"]
    sample = next(value for layer in described for value in layer["inputs"] if value["name"] == "sample")
    text = next(value for layer in described for value in layer["inputs"] if value["name"] == "encoder_hidden_states")
    config = json.loads((folder / "unet" / "config.json").read_text())
    document = trace({"class": "diffusers:UNet2DConditionModel", "config": config, "inputs": {"sample": {"shape": ["batch", *sample["shape"][1:]]}, "encoder_hidden_states": {"shape": ["batch", *text["shape"][1:]]}}})

    def groups(layers, key):
        result = {}
        for layer in layers:
            group = ".".join(layer["modules"][-1].split(".")[:2])
            result[group] = result.get(group, 0) + key(layer)
        return result

    assert groups(document["layers"], lambda layer: layer["parameters"]) == groups(described, lambda layer: layer["parameters"])
    for theirs, ours in [
        (lambda layer: layer["flopsPerSample"], lambda layer: at(layer["forwardFlops"], 1)),
        (lambda layer: layer["inputGradFlopsPerSample"] + layer["weightGradFlopsPerSample"], lambda layer: at(layer["backward"]["trained"]["inputGradFlops"], 1) + at(layer["backward"]["trained"]["weightGradFlops"], 1)),
    ]:
        wanted, found = sum(map(theirs, described)), sum(map(ours, document["layers"]))
        assert abs(found - wanted) <= 0.05 * wanted
