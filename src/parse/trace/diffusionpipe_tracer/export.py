"""Layers as ONNX graphs, where torch's exporter manages.

The exporter runs a layer's operators, so it gets made-up values in place of weights and inputs, one layer at a time, and the
weights stay out of the file: whoever measures the graph makes its own.
"""

from __future__ import annotations

import base64
import io
import time

import torch

from .layers import Layer
from .problem import last_line
from .record import Recording
from .replay import Replay, made_up

OPSET = 17
MOST_GRAPH_BYTES = 4 * 1024 * 1024
MOST_BYTES = 4 * 1024**3
MOST_FLOPS = 2e12
MOST_SECONDS = 120


class NoGraph(Exception):
    pass


class Exporter:
    """Each signature once. `seconds`: for all layers together. Layers of both recordings are the same ones."""

    def __init__(self, small: Recording, large: Recording, batches: tuple[int, int], seconds: float = MOST_SECONDS):
        self.small, self.large, self.batches = small, large, batches
        self.end = time.monotonic() + seconds
        self.graphs: dict[str, dict] = {}

    def add(self, layer: Layer, signature: str) -> None:
        if signature in self.graphs:
            return
        try:
            self.graphs[signature] = {"onnx": base64.b64encode(self.exported(layer)).decode()}
        except NoGraph as reason:
            self.graphs[signature] = {"reason": str(reason)}
        except (Exception, SystemExit) as error:
            self.graphs[signature] = {"reason": f"torch.onnx: {last_line(error).splitlines()[0][:300]}"}

    def exported(self, layer: Layer) -> bytes:
        self.check(layer)
        replay = Replay(self.small, self.large, (layer, layer), self.batches).eval()
        names = [f"input.{number}" for number in range(len(replay.inputs))]
        axes = {name: self.batch_axes(*shapes) for name, shapes in zip(names, replay.shapes)}
        inputs = tuple(made_up(read) for read in replay.inputs)
        file = io.BytesIO()
        with torch.no_grad():
            torch.onnx.export(replay, inputs, file, input_names=names, dynamic_axes={name: axis for name, axis in axes.items() if axis}, dynamo=False, export_params=False, do_constant_folding=False, training=torch.onnx.TrainingMode.PRESERVE, opset_version=OPSET)
        if file.tell() > MOST_GRAPH_BYTES:
            raise NoGraph(f"Its graph is longer than {MOST_GRAPH_BYTES} bytes.")
        return file.getvalue()

    def check(self, layer: Layer) -> None:
        """@raises NoGraph for what would take too long, or too much memory, to be run here."""
        if time.monotonic() > self.end:
            raise NoGraph("The time for exporting layers was over.")
        items = self.small.forward[layer.start : layer.end]
        size = sum(read.bytes for item in items for read in item.reads) + sum(size for item in items if not item.is_view for _, _, size in item.writes)
        if size > MOST_BYTES or sum(item.flops for item in items) > MOST_FLOPS:
            raise NoGraph("It is too large to be run for the export.")

    def batch_axes(self, small: tuple[int, ...], large: tuple[int, ...]) -> dict[int, str]:
        """@raises NoGraph where a side is neither of one size nor the number of samples."""
        axes = {}
        for axis, sides in enumerate(zip(small, large)):
            if sides == self.batches:
                axes[axis] = "batch"
            elif sides[0] != sides[1]:
                raise NoGraph("A side of its inputs grows otherwise than the number of samples.")
        return axes
