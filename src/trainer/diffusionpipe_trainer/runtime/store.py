"""Frozen tensors of an iteration, by rows of the global batch: intermediate activations and finished encodings."""

from __future__ import annotations

import torch
from torch import Tensor

Range = tuple[int, int]


class FrozenStore:
    """Pieces of tensors: (iteration, tensor id) -> rows [a, b) of the global batch."""

    def __init__(self) -> None:
        self._pieces: dict[tuple[int, str], list[tuple[int, int, Tensor]]] = {}

    def put(self, iteration: int, tensor_id: str, samples: Range, rows: Tensor) -> None:
        """Add rows [a, b)."""
        if rows.shape[0] != samples[1] - samples[0]:
            raise ValueError(f"{tensor_id}: {rows.shape[0]} rows for samples {list(samples)}")
        self._pieces.setdefault((iteration, tensor_id), []).append((*samples, rows))

    def get(self, iteration: int, tensor_id: str, samples: Range) -> Tensor:
        """Rows [a, b), from one piece or several. Raises LookupError where the program never made them."""
        found: list[Tensor] = []
        position = samples[0]
        for start, stop, rows in sorted(self._pieces.get((iteration, tensor_id), ()), key=lambda p: p[:2]):
            if start <= position < stop and position < samples[1]:
                end = min(stop, samples[1])
                found.append(rows[position - start : end - start])
                position = end
        if position != samples[1]:
            raise LookupError(
                f"Samples {list(samples)} of {tensor_id} for iteration {iteration} are not on this rank: "
                f"the program does not make or send them in time."
            )
        return found[0] if len(found) == 1 else torch.cat(found)

    def discard(self, iteration: int, tensor_id: str, samples: Range) -> None:
        """Forget pieces that lie inside [a, b)."""
        key = (iteration, tensor_id)
        left = [p for p in self._pieces.get(key, ()) if not (samples[0] <= p[0] and p[1] <= samples[1])]
        if left:
            self._pieces[key] = left
        else:
            self._pieces.pop(key, None)

    def end_iteration(self, iteration: int) -> None:
        """Forget everything that served `iteration`."""
        for key in [key for key in self._pieces if key[0] <= iteration]:
            del self._pieces[key]
