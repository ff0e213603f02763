"""Shape inference of ONNX files against what the operators really give: every node test and model that the onnx package ships.

Inputs that decide shapes (integers, short lists of numbers) are made constants first, as exporters write them.
An answer is right, a refusal (an error that names the operator), or wrong; none may be wrong."""

import collections
import warnings

import numpy
import onnx
from onnx import helper, numpy_helper

# Values of other kinds than tensors, and graphs within graphs, are refused by name.
OUTSIDE = {
    "If", "Loop", "Scan", "SequenceMap", "SequenceInsert", "SequenceEmpty", "SequenceLength", "SequenceConstruct", "SequenceErase", "SequenceAt", "SplitToSequence", "ConcatFromSequence",
    "Optional", "OptionalHasElement", "OptionalGetElement", "StringSplit", "StringNormalizer", "StringConcat", "RegexFullMatch", "TfIdfVectorizer", "LabelEncoder", "ImageDecoder",
}  # fmt: skip
# How many come out depends on the values.
BY_VALUES = {"NonMaxSuppression", "Unique"}


TYPES = {"float32": "FLOAT", "float64": "DOUBLE"}


def recorded(value):
    """Type, shape and array of a recorded value; no array for text."""
    if isinstance(value, onnx.TensorProto):
        return value.data_type, list(value.dims), None
    array = numpy.asarray(value)
    return (onnx.TensorProto.STRING if array.dtype.kind in "OUS" else helper.np_dtype_to_tensor_dtype(array.dtype)), list(array.shape), array


def with_constants(model, arrays):
    """Short inputs as initializers; all shapes of inputs as recorded, no notes about outputs or values between."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    del graph.value_info[:]
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
    for value, array in zip(graph.input, arrays):
        _, shape, array = recorded(array)
        if array is not None and array.dtype.kind in "ifub" and len(shape) <= 1 and array.size <= 16:
            graph.initializer.append(numpy_helper.from_array(array, value.name))
        else:
            del value.type.tensor_type.shape.dim[:]
            for size in shape:
                value.type.tensor_type.shape.dim.add().dim_value = size
    return model


def judge(answer, outputs):
    if "error" in answer:
        return "refused", answer["error"]
    for said, value in zip(answer["outputs"], outputs):
        really, shape, array = recorded(value)
        if shape != said["shape"]:
            return "WRONG", f"{said['name']}: {said['shape']}, really {shape}"
        if onnx.TensorProto.DataType.Value(TYPES.get(said["type"], said["type"].upper())) != really:
            return "WRONG", f"{said['name']}: {said['type']}, really {onnx.TensorProto.DataType.Name(really)}"
        known = said.get("value")
        # JSON has no infinities; integers beyond 2^53 are the nearest number.
        if known is None or None in known or array is None or (numpy.abs(array.astype(numpy.float64)) > 2**52).any():
            continue
        if not numpy.allclose(numpy.asarray(known, dtype=numpy.float64), array.astype(numpy.float64).ravel(), rtol=1e-3, atol=1e-5, equal_nan=True):
            return "WRONG", f"{said['name']}: value {known[:8]}, really {array.ravel()[:8]}"
    return "right", ""


def test_node_tests(describe_onnx, tmp_path, capsys):
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = [case for case in collect_testcases(None) if case.model is not None and case.data_sets]
    requests, kept = [], []
    for case in cases:
        inputs, outputs = case.data_sets[0]
        if any(isinstance(value, list) or value is None for value in [*inputs, *outputs]):
            continue
        path = tmp_path / f"{case.name}.onnx"
        path.write_bytes(with_constants(case.model, inputs).SerializeToString())
        requests.append({"path": str(path)})
        kept.append((case, outputs))
    counts = collections.Counter()
    refused = collections.Counter()
    wrong = []
    for (case, outputs), answer in zip(kept, describe_onnx(requests)):
        operators = {node.op_type for node in case.model.graph.node}
        domains = {node.domain for node in case.model.graph.node if node.domain not in ("", "ai.onnx")}
        verdict, why = judge(answer, outputs)
        group = "outside" if operators & (OUTSIDE | BY_VALUES) or domains - {f.domain for f in case.model.functions} else "inside"
        counts[group, verdict] += 1
        if verdict == "WRONG":
            wrong.append(f"{case.name}: {why}")
        elif verdict == "refused" and group == "inside":
            refused[", ".join(sorted(operators))[:40] + " | " + why.split(".onnx: ")[-1][:110]] += 1
    with capsys.disabled():
        print(f"\nnode tests of onnx {onnx.__version__}: {dict(counts)}")
        for why, count in refused.most_common(40):
            print(f"  refused {count}: {why}")
    assert not wrong, "\n".join(wrong)
    right = counts["inside", "right"]
    assert right >= 0.97 * (right + counts["inside", "refused"]), counts
