"""A layer's operators, as recorded, run again on real tensors: what the exporter of torch can follow.

Numbers that differ between the two recordings grow with the batch, and are computed from it again.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from .layers import Layer
from .record import Read, Recording

Key = tuple[int, tuple]


def sized(method: str):
    """Sizes that depend on the batch are followed through a tensor's methods, not through the bare operator."""
    return lambda tensor, size, **_: getattr(tensor, method)(*size)


def attention(query, key, value, dropout=0.0, causal=False, *_, attn_mask=None, scale=None, **__):
    return (F.scaled_dot_product_attention(query, key, value, attn_mask, 0.0, causal, scale=scale),)


def batch_norm(x, weight, bias, mean, variance, training, momentum, eps):
    """With the running statistics: onnxruntime has no other."""
    return (F.batch_norm(x, mean, variance, weight, bias, False, momentum, eps),)


# Operators that autograd calls, as the ones that the exporter knows.
KNOWN = {
    "aten.view.default": sized("reshape"),
    "aten._unsafe_view.default": sized("reshape"),
    "aten.reshape.default": sized("reshape"),
    "aten.expand.default": lambda tensor, size, **_: tensor.expand(*size),
    "aten.repeat.default": sized("repeat"),
    "aten.native_group_norm.default": lambda x, weight, bias, n, c, hw, groups, eps: (F.group_norm(x, groups, weight, bias, eps),),
    "aten.native_layer_norm.default": lambda x, shape, weight, bias, eps: (F.layer_norm(x, shape, weight, bias, eps),),
    "aten.native_batch_norm.default": batch_norm,
    "aten._native_batch_norm_legit.default": batch_norm,
    "aten.native_dropout.default": lambda x, *_: (x,),
    "aten._scaled_dot_product_flash_attention_for_cpu.default": attention,
    "aten.scaled_dot_product_attention.default": attention,
    "aten._softmax.default": lambda x, dim, *_: torch.softmax(x, dim),
    "aten._safe_softmax.default": lambda x, dim, *_: torch.softmax(x, dim),
    "aten._unsafe_index.Tensor": lambda x, indices: x[tuple(slice(None) if index is None else index for index in indices)],
    "aten._euclidean_dist.default": lambda a, b: torch.cdist(a, b),
    "aten._to_copy.default": lambda x, dtype=None, **_: x if dtype is None else x.to(dtype),
    "aten.clone.default": lambda x, **_: x.clone(),
    "aten.detach.default": lambda x: x,
    "aten.alias.default": lambda x: x,
}


class Replay(nn.Module):
    """
    `inputs`: the values that come from outside, in order; `outputs`: keys of those that others read. Weights are parameters of
    this module, called as in the model with slashes for dots.
    """

    def __init__(self, small: Recording, large: Recording, layers: tuple[Layer, Layer], batches: tuple[int, int]):
        super().__init__()
        self.batches = batches
        parts = (recording.forward[layer.start : layer.end] for recording, layer in zip((small, large), layers))
        # What only counts in a buffer (batches seen) is no part of the work.
        pairs = [pair for pair in zip(*parts, strict=True) if not pair[0].writes or any(storage not in small.named for storage, _, _ in pair[0].writes)]
        self.items, self.others = [item for item, _ in pairs], [other for _, other in pairs]
        later = [read for item in small.forward[layers[0].end :] for read in item.reads] + small.outputs
        made: set[Key] = set()
        self.inputs: list[Read] = []
        self.shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        self.weights: dict[Key, str] = {}
        known: set[Key] = set()
        for item, other in zip(self.items, self.others):
            for read, counterpart in zip(item.reads, other.reads):
                key = key_of(read)
                if key in made or key in known:
                    continue
                known.add(key)
                if read.storage in small.named:
                    name = small.named[read.storage].replace(".", "/")
                    while name in self._parameters:  # another view of the same weight
                        name += "'"
                    self.weights[key] = name
                    self.register_parameter(name, nn.Parameter(made_up(read), requires_grad=False))
                else:
                    self.inputs.append(read)
                    self.shapes.append((read.view[1], counterpart.view[1]))
            made.update(key_of(read) for read in item.made)
        wanted = {key_of(read) for read in later}
        last = [key_of(read) for read in self.items[-1].made] if self.items else []
        self.outputs = [key for key in dict.fromkeys(key_of(read) for item in self.items for read in item.made) if key in wanted] or last

    def batch_of(self, tensors: tuple[torch.Tensor, ...]):
        for tensor, (small, large) in zip(tensors, self.shapes):
            for axis, sides in enumerate(zip(small, large)):
                if sides == self.batches:
                    return tensor.shape[axis]
        return self.batches[0]

    def forward(self, *tensors: torch.Tensor):
        values: dict[Key, torch.Tensor] = {key: getattr(self, name) for key, name in self.weights.items()}
        values.update((key_of(read), tensor) for read, tensor in zip(self.inputs, tensors))
        batch = self.batch_of(tensors)
        small, large = self.batches
        for item, other in zip(self.items, self.others):
            leaves, form = tree_flatten(item.arguments)
            numbers, _ = tree_flatten(other.arguments)
            for position, (leaf, number) in enumerate(zip(leaves, numbers)):
                if isinstance(leaf, Read):
                    leaves[position] = values[key_of(leaf)]
                elif isinstance(leaf, int) and not isinstance(leaf, bool) and leaf != number:
                    each = (number - leaf) // (large - small)
                    leaves[position] = each * batch + (leaf - each * small)
            args, kwargs = tree_unflatten(leaves, form)
            kwargs.pop("device", None)
            result = KNOWN.get(item.name, item.func)(*args, **kwargs)
            for read, value in zip(item.made, [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]):
                values[key_of(read)] = value
        return tuple(values[key] for key in self.outputs)


def key_of(read: Read) -> Key:
    return (read.storage, read.view)


def made_up(read: Read) -> torch.Tensor:
    """Random, since the exporter makes one of equal weights; zero for whole numbers, which may be indices."""
    _, shape, _, name = read.view
    dtype = getattr(torch, name.replace("torch.", ""))
    return torch.rand(shape, dtype=dtype) if dtype.is_floating_point else torch.zeros(shape, dtype=dtype)
