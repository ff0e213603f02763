"""A component as the product describes it beside the real module: what every family's tests need.

A module of `families` says how its class is built and called:

CLASS          the class that the product knows it by
FULL           name -> case(): real configurations, compared on the meta device (parameters, shapes, order, FLOPs)
REDUCED        name -> case(): small ones, run with random weights; each changes what some layer computes
build(config)  the real module
call(module, inputs) -> {output: tensor}: inputs by the product's names; "" is the last layer's first output, other keys are the
               description's outputs by name or a layer's name

and, where needed:

UNUSED         prefixes of parameters of the real module that training runs no layer of
HOOKS          function(module) -> {layer: None or (path of a module, function(output) -> [tensors])} for layers whose outputs are
               not those of their last module; None: the layer is a part of no module's output, and only what follows it is compared
make_input(name, shape, module, generator) -> a tensor, or None for a random one (shape holds the batch)
random_config(rng) -> settings laid over the first of REDUCED; what the product accepts of them must be right
REFUSED        [(settings over the first of REDUCED, field)]: accepted by the library, refused by the product, which names the field
BACKWARD       False where nothing trains it
"""

import importlib
import pkgutil
from dataclasses import dataclass, field

import families
import numpy
import onnx
import onnxruntime
import torch

TOLERANCE = 1e-3


@dataclass
class Case:
    config: dict
    sizes: dict = field(default_factory=dict)
    controlled: bool = False
    # A count known from elsewhere.
    parameters: int | None = None
    batch: int = 2
    # Adapters: rank, alpha and targetModules as the product takes them; `build` has to add them too.
    lora: dict | None = None

    def request(self, family, graphs=False):
        return {"class": family.CLASS, "config": self.config, "file": f"{family.CLASS}/config.json", "sizes": self.sizes, "controlled": self.controlled, **({"graphs": self.batch} if graphs else {}), **({"lora": self.lora} if self.lora else {})}


case = Case


def all_families():
    return {name: importlib.import_module(f"families.{name}") for _, name, _ in pkgutil.iter_modules(families.__path__)}


def build(family, config, device="cpu"):
    with torch.device(device):
        return family.build(config).eval()


def randomize(module, seed):
    """Every parameter from a normal distribution that keeps activations near one; the libraries' own start has zeros."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 1
            scale = 0.1 if parameter.dim() == 1 else fan_in**-0.5
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
            if parameter.dim() == 1 and name.endswith("weight"):
                parameter.add_(1)
    return module


def used_parameters(family, module):
    unused = tuple(getattr(family, "UNUSED", ()))
    return {name: parameter for name, parameter in module.named_parameters() if not (unused and name.startswith(unused))}


def make_inputs(family, module, facts, batch, device="cpu"):
    """By name, at the shapes of the product's description."""
    generator = torch.Generator().manual_seed(1)
    own = getattr(family, "make_input", lambda *_: None)
    result = {}
    for value in facts["inputs"]:
        shape = [1 if value.get("fixed") else batch, *value["shape"]]
        made = own(value["name"], shape, module, generator)
        if made is None and value["type"] == "int64":
            made = torch.randint(0, value.get("below", 2), shape, generator=generator)
        elif made is None:
            made = torch.randn(shape, generator=generator)
        assert list(made.shape) == shape, value["name"]
        result[value["name"]] = made.to(device)
    return result


def tensors_of(output):
    """What a module returned, as tensors in order."""
    if isinstance(output, torch.Tensor):
        return [output]
    if isinstance(output, dict):
        output = tuple(output.values())
    if not isinstance(output, (tuple, list)):
        output = tuple(vars(output).values())
    return [tensor for value in output for tensor in (tensors_of(value) if isinstance(value, (tuple, list)) else [value]) if isinstance(tensor, torch.Tensor)]


@dataclass
class Run:
    # Paths of the layers' modules, in the order in which their calls ended.
    calls: list
    # Layer -> the reference's tensors for its outputs.
    layers: dict
    outputs: dict


def run(family, module, facts, inputs, grad=False):
    """Calls the real module and keeps what its parts that are layers made."""
    hooks = getattr(family, "HOOKS", lambda _: {})(module)
    modules = dict(module.named_modules())
    watched = {path for layer in facts["layers"] for path in layer["modules"] if path in modules}
    targets = {}
    for layer in facts["layers"]:
        last = layer["modules"][-1] if layer["modules"] and layer["modules"][-1] in modules else None
        found = hooks.get(layer["name"], (last, tensors_of) if last else None)
        if found:
            targets.setdefault(found[0], []).append((layer["name"], found[1]))
    result = Run([], {}, {})

    def watch(path):
        def hook(_module, _inputs, output):
            if path in watched:
                result.calls.append(path)
            for layer, pick in targets.get(path, []):
                # A copy: activations may work in place on what a module returned.
                result.layers[layer] = [tensor if tensor.is_meta else tensor.detach().clone() for tensor in pick(output)]

        return modules[path].register_forward_hook(hook)

    handles = [watch(path) for path in sorted(watched | set(targets))]
    try:
        with torch.set_grad_enabled(grad):
            result.outputs = family.call(module, inputs)
    finally:
        for handle in handles:
            handle.remove()
    assert result.layers.keys() >= {name for made in targets.values() for name, _ in made}, "a hooked module was not called"
    return result


def check_parameters(family, module, facts):
    """Every parameter of the module is one layer's, in name and shape. @returns (ours, theirs)"""
    theirs = {name: tuple(parameter.shape) for name, parameter in used_parameters(family, module).items()}
    listed = [(parameter["name"], tuple(parameter["shape"])) for layer in facts["layers"] for parameter in layer["parameterShapes"]]
    ours = dict(listed)
    assert len(ours) == len(listed), "a parameter is in two layers"
    assert ours == theirs
    total = sum(parameter.numel() for parameter in used_parameters(family, module).values())
    assert facts["parameters"] == total
    return facts["parameters"], total


def check_shapes_and_order(module, facts, reference):
    """@param reference What `run` kept."""
    modules = dict(module.named_modules())
    assert reference.calls == [path for layer in facts["layers"] for path in layer["modules"] if path in modules]
    for layer in facts["layers"]:
        if layer["name"] in reference.layers:
            shapes = [list(tensor.shape) for tensor in reference.layers[layer["name"]]]
            ours = [value["shape"] for value in layer["outputs"]]
            assert shapes[: len(ours)] == ours, layer["name"]
    for name, tensor in reference.outputs.items():
        layer, output = output_of(facts, name)
        described = next(found for found in facts["layers"] if found["name"] == layer)
        assert described["outputs"][output]["shape"] == list(tensor.shape), name


def output_of(facts, name):
    """(layer, index) of an output: a name of the description's outputs, a layer's name, or "" for the last layer."""
    if name in facts["outputs"]:
        found = facts["outputs"][name]
        return found["layer"], found.get("output", 0)
    return name or facts["layers"][-1]["name"], 0


def session(file):
    onnx.checker.check_model(str(file), full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def difference(ours, theirs, name):
    """The largest difference over the reference's largest value."""
    theirs = theirs.numpy()
    assert ours.shape == theirs.shape, name
    assert numpy.isfinite(ours).all(), name
    return float(numpy.abs(ours - theirs).max() / max(1.0, numpy.abs(theirs).max()))


def check_values(family, module, facts, folder, batch, change=lambda weights: None):
    """Runs the product's graphs along the product's sources. `change` may spoil their copy of the weights. @returns The worst difference."""
    given = make_inputs(family, module, facts, batch)
    reference = run(family, module, facts, given)
    weights = {name: parameter.detach().clone().numpy() for name, parameter in module.named_parameters()}
    change(weights)
    made = {}
    worst = 0.0

    def compare(ours, theirs, name):
        nonlocal worst
        found = difference(ours, theirs, name)
        assert found < TOLERANCE, f"{name}: {found}"
        worst = max(worst, found)

    for layer in facts["layers"]:
        feeds = {parameter["name"]: weights[parameter["name"]] for parameter in layer["parameterShapes"]}
        for value in layer["inputs"]:
            source = layer["sources"][value["name"]]
            feeds[value["name"]] = given[source["input"]].numpy() if "input" in source else made[source["layer"]][source.get("output", 0)]
        made[layer["name"]] = session(folder / f"{layer['name']}.onnx").run(None, feeds)
        for output, theirs in zip(made[layer["name"]], reference.layers.get(layer["name"], [])):
            compare(output, theirs, f"{layer['name']} ({layer['kind']})")
    assert "" in reference.outputs
    for name, tensor in reference.outputs.items():
        layer, output = output_of(facts, name)
        compare(made[layer][output], tensor, f"output {name!r}")
        assert float(tensor.std()) > 1e-3, "the output says nothing"
    return worst


def saved_bytes(call, apart):
    """Bytes that autograd keeps from one call, each storage once, without those of the tensors `apart`."""
    ignored = {tensor.untyped_storage().data_ptr() for tensor in apart}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in ignored:
            # The storage is kept, so that no other gets the same address.
            kept[storage.data_ptr()] = (storage.nbytes(), storage)
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        call()
    return sum(size for size, _ in kept.values())
