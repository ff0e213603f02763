"""FLOPs of single operators: torch's own formulas, and attention as torch fuses it on CPUs, which those leave out."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import flop_registry

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
    formula = FORMULAS.get(func._overloadpacket)
    return int(formula(*args, **kwargs, out_val=result)) if formula else 0


def count_parts(func, args: tuple, kwargs: dict, result) -> list[int] | None:
    """Of a convolution's backward: FLOPs of its gradients by input and by weight, computed by one operator. None for others."""
    if func._overloadpacket is not aten.convolution_backward:
        return None
    *rest, (by_input, by_weight, _) = args
    return [count(func, (*rest, [part == 0 and by_input, part == 1 and by_weight, False]), kwargs, result) for part in range(2)]
