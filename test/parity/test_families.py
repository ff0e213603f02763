"""Every family against diffusers and transformers: parameters, shapes and order, FLOPs, and values through onnxruntime."""

import random

import pytest
from family import all_families, build, check_parameters, check_shapes_and_order, check_values, make_inputs, randomize, run
from torch.utils.flop_counter import FlopCounterMode

FAMILIES = all_families()
RANDOM_COUNT = 24
# The product counts elementwise work too, in the backward pass also what softmax costs again.
FLOPS_TOLERANCE = 0.05
BACKWARD_TOLERANCE = 0.1


def cases(kind):
    return [(name, instance) for name, family in FAMILIES.items() for instance in getattr(family, kind)]


@pytest.fixture(scope="module")
def described(describe_families):
    """described(family, kind) -> {instance: (facts, folder)}; each family is described once."""
    known = {}

    def call(name, kind):
        if (name, kind) not in known:
            instances = getattr(FAMILIES[name], kind)
            found = describe_families([case.request(FAMILIES[name], graphs=kind == "REDUCED") for case in instances.values()])
            known[name, kind] = dict(zip(instances, found))
        return known[name, kind]

    return call


def accepted(found):
    facts, folder = found
    assert "error" not in facts, facts
    return facts, folder


@pytest.mark.parametrize(("name", "instance"), cases("FULL"))
def test_full_size(described, parity_table, name, instance):
    family, case = FAMILIES[name], FAMILIES[name].FULL[instance]
    facts, _ = accepted(described(name, "FULL")[instance])
    module = build(family, case.config, "meta")
    ours, theirs = check_parameters(family, module, facts)
    assert case.parameters in (None, ours)
    inputs = make_inputs(family, module, facts, 1, "meta")
    # Stacks of one kind of block have the same operators at any size; what is made of blocks by name differs in them.
    is_own = instance == next(iter(family.FULL)) or "block_out_channels" in case.config
    backward = getattr(family, "BACKWARD", True) and is_own
    with FlopCounterMode(display=False) as counter:
        reference = run(family, module, facts, inputs, grad=backward)
    check_shapes_and_order(module, facts, reference)
    products = sum(layer["productFlopsPerSample"] for layer in facts["layers"])
    assert products == pytest.approx(counter.get_total_flops(), rel=FLOPS_TOLERANCE)
    if backward:
        check_backward_flops(facts, sum(tensor.sum() for tensor in reference.outputs.values()))
    parity_table.full(family.CLASS, instance, ours, theirs)


def check_backward_flops(facts, output):
    with FlopCounterMode(display=False) as counter:
        output.backward()
    theirs = counter.get_total_flops()
    ours = sum(layer["inputGradFlopsPerSample"] + layer["weightGradFlopsPerSample"] for layer in facts["layers"])
    assert theirs * (1 - FLOPS_TOLERANCE) <= ours <= theirs * (1 + BACKWARD_TOLERANCE)


@pytest.mark.parametrize(("name", "instance"), cases("REDUCED"))
def test_values(described, parity_table, name, instance):
    family, case = FAMILIES[name], FAMILIES[name].REDUCED[instance]
    facts, folder = accepted(described(name, "REDUCED")[instance])
    module = randomize(build(family, case.config), seed=7)
    check_parameters(family, module, facts)
    check_shapes_and_order(module, facts, run(family, module, facts, make_inputs(family, module, facts, case.batch)))
    parity_table.reduced(family.CLASS, check_values(family, module, facts, folder, case.batch))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_wrong_weight_is_noticed(described, name):
    """The comparison can fail: a parameter spoiled in the first, a middle and the last layer is more than the tolerance."""
    family = FAMILIES[name]
    instance, case = next(iter(family.REDUCED.items()))
    facts, folder = accepted(described(name, "REDUCED")[instance])
    module = randomize(build(family, case.config), seed=7)
    with_parameters = [layer for layer in facts["layers"] if layer["parameterShapes"]]
    for layer in (with_parameters[0], with_parameters[len(with_parameters) // 2], with_parameters[-1]):
        spoiled = layer["parameterShapes"][-1]["name"]

        def spoil(weights, spoiled=spoiled):
            weights[spoiled] += 0.5

        with pytest.raises(AssertionError):
            check_values(family, module, facts, folder, case.batch, spoil)


@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if hasattr(family, "random_config")])
def test_what_is_accepted_is_right(describe_families, name):
    """Configurations at random, many of them wrong: what the product accepts, the library accepts, and both see the same model."""
    family = FAMILIES[name]
    base = next(iter(family.REDUCED.values()))
    rng = random.Random(20241105)
    configs = [{**base.config, **family.random_config(rng)} for _ in range(RANDOM_COUNT)]
    found = describe_families([{**base.request(family), "config": config} for config in configs])
    count = 0
    for config, (facts, _) in zip(configs, found):
        if "error" in facts:
            continue
        module = build(family, config, "meta")
        check_parameters(family, module, facts)
        check_shapes_and_order(module, facts, run(family, module, facts, make_inputs(family, module, facts, 1, "meta")))
        count += 1
    assert RANDOM_COUNT / 4 <= count < RANDOM_COUNT


@pytest.mark.parametrize(("name", "index"), [(name, index) for name, family in FAMILIES.items() for index in range(len(getattr(family, "REFUSED", [])))])
def test_what_is_not_supported_is_refused_by_name(describe_families, name, index):
    family = FAMILIES[name]
    base = next(iter(family.REDUCED.values()))
    settings, field = family.REFUSED[index]
    config = {**base.config, **settings}
    ((facts, _),) = describe_families([{**base.request(family), "config": config}])
    assert "error" in facts
    assert facts["field"].split("[")[0] == field
    assert facts["file"] == f"{family.CLASS}/config.json"
    build(family, config, "meta")
