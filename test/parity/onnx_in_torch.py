"""Runs a forward graph on PyTorch's own operators, so that autograd gives its gradients: the oracle for ours."""

import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional

# Float32 runs as float64.
TYPES = {1: torch.float64, 6: torch.int32, 7: torch.int64, 9: torch.bool}


def ints(tensor):
    return [int(value) for value in tensor]


def conv(x, weight, bias=None, *, kernel_shape, strides=None, pads=None, group=1):
    axes = len(kernel_shape)
    pads = pads or [0] * 2 * axes
    sides = [side for axis in reversed(range(axes)) for side in (pads[axis], pads[axis + axes])]
    return [functional.conv1d, functional.conv2d, functional.conv3d][axes - 1](functional.pad(x, sides), weight, bias, stride=strides or 1, groups=group)


def gemm(a, b, c=None, *, transA=0, transB=0):
    product = (a.T if transA else a) @ (b.T if transB else b)
    return product if c is None else product + c


def slice_(x, starts, ends, axes=None, steps=None):
    index = [slice(None)] * x.dim()
    for start, end, axis, step in zip(ints(starts), ints(ends), ints(axes), ints(steps) if steps is not None else [1] * len(starts)):
        index[axis] = slice(start, end, step)
    return x[tuple(index)]


def instance_normalization(x, weight, bias, *, epsilon):
    # One call of PyTorch's over a single value is refused.
    mean = x.mean(dim=list(range(2, x.dim())), keepdim=True)
    variance = x.var(dim=list(range(2, x.dim())), unbiased=False, keepdim=True)
    shape = [1, -1] + [1] * (x.dim() - 2)
    return (x - mean) / torch.sqrt(variance + epsilon) * weight.view(shape) + bias.view(shape)


def resize(x, _region, scales, **_nearest):
    for axis, scale in enumerate(scales.tolist()):
        x = x.repeat_interleave(round(scale), dim=axis)
    return x


def average_pool(x, *, kernel_shape, strides):
    return [functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d][len(kernel_shape) - 1](x, kernel_shape, strides)


def gather_nd(x, indices, *, batch_dims):
    assert batch_dims == 1 and indices.shape[-1] == 1
    return torch.stack([sample[place] for sample, place in zip(x, indices[:, 0])])


def reshape(x, shape):
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(ints(shape))])


OPERATORS = {
    "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div, "Pow": torch.pow, "MatMul": torch.matmul, "Equal": torch.eq,
    "Sqrt": torch.sqrt, "Exp": torch.exp, "Log": torch.log, "Sin": torch.sin, "Cos": torch.cos, "Neg": torch.neg, "Erf": torch.erf,
    "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Relu": torch.relu, "Softplus": functional.softplus,
    "Conv": conv, "Gemm": gemm, "Slice": slice_, "InstanceNormalization": instance_normalization, "Resize": resize, "AveragePool": average_pool,
    "GatherND": gather_nd, "Reshape": reshape,
    "LayerNormalization": lambda x, weight, bias=None, *, axis, epsilon: functional.layer_norm(x, weight.shape, weight, bias, epsilon),
    "ReduceMean": lambda x, *, axes, keepdims: x.mean(dim=axes, keepdim=bool(keepdims)),
    "Softmax": lambda x, *, axis: torch.softmax(x, axis),
    "Concat": lambda *parts, axis: torch.cat(parts, axis),
    "Split": lambda x, sizes, *, axis: torch.split(x, ints(sizes), axis),
    "Transpose": lambda x, *, perm: x.permute(perm),
    "Expand": lambda x, shape: x.expand(torch.broadcast_shapes(x.shape, ints(shape))),
    "Unsqueeze": lambda x, axes: x.unsqueeze(ints(axes)[0]),
    "Tile": lambda x, repeats: x.repeat(ints(repeats)),
    "Gather": lambda x, indices, *, axis: functional.embedding(indices, x) if axis == 0 and x.dim() == 2 else x.index_select(axis, indices),
    "Trilu": lambda x, k, *, upper: torch.triu(x, int(k)) if upper else torch.tril(x, int(k)),
    "Cast": lambda x, *, to: x.to(TYPES[to]),
    "ArgMax": lambda x, *, axis, keepdims: x.argmax(axis, keepdim=bool(keepdims)),
}


def run(path, feeds):
    """@returns Every value of the graph, by name."""
    graph = onnx.load(path).graph
    values = {"": None, **feeds}
    for constant in graph.initializer:
        value = torch.from_numpy(numpy_helper.to_array(constant).copy())
        values[constant.name] = value.double() if value.is_floating_point() else value
    for node in graph.node:
        attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
        made = OPERATORS[node.op_type](*[values[name] for name in node.input], **attributes)
        values.update(zip(node.output, made if isinstance(made, (tuple, list)) else [made]))
    return values
