"""FLOPs of single operators: torch's own formulas, and attention as torch fuses it on CPUs, which those leave out."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import conv_flop_count, flop_registry

aten = torch.ops.aten


def attention_forward(query, key, value, *_args, **_kwargs) -> int:
    """Two products: query by key, and their softmax by value."""
    *batch, queries, features = query.shape
    *_, keys, value_features = value.shape
    products = 2 * queries * keys * (features + value_features)
    for size in batch:
        products *= size
    return products


def attention_backward(_grad, query, key, value, *_args, **_kwargs) -> int:
    """Two products for each of the forward's. That the fused kernel computes the scores once more is not counted."""
    return 2 * attention_forward(query, key, value)


FORMULAS = dict(flop_registry)
for name, formula in (("_scaled_dot_product_flash_attention_for_cpu", attention_forward), ("_scaled_dot_product_flash_attention_for_cpu_backward", attention_backward)):
    if hasattr(aten, name):
        FORMULAS.setdefault(getattr(aten, name), formula)


def count(func, args: tuple, kwargs: dict, result) -> int:
    """Of the forward pass's operators, and of the backward's but for those that `count_parts` knows."""
    formula = FORMULAS.get(func._overloadpacket)
    return int(formula(*args, **kwargs, out_val=result)) if formula else 0


def count_parts(func, args: tuple) -> list[int] | None:
    """
    Of a convolution's backward: FLOPs of its gradients by input and by weight, which one operator computes: for each the
    products of the forward pass. (torch's own formula counts those of a grouped convolution's weight once per group.) None for others.
    """
    if func._overloadpacket is not aten.convolution_backward:
        return None
    gradient, value, weight, *rest = args
    transposed, (by_input, by_weight, _) = rest[4], rest[-1]
    products = conv_flop_count(list(value.shape), list(weight.shape), list(gradient.shape), transposed=transposed)
    return [products if by_input else 0, products if by_weight else 0]
