"""What one forward and backward pass does: every operator with the storages that it reads and writes, and the calls of modules around it.

Nothing is computed: tensors are torch's fake tensors, which have shapes and storages but no memory. They are fake
tensors of a CPU, so that operators are chosen as on a device (attention is fused) rather than as on "meta".
"""

from __future__ import annotations

from bisect import bisect_right
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from .flops import FORMULAS, count, count_parts
from .problem import TraceProblem


@dataclass
class Call:
    """One call of a module; its operators are [start, end) of the recording."""

    path: str
    module: nn.Module
    parent: int | None
    start: int
    end: int = 0
    children: list[int] = field(default_factory=list)
    arguments: tuple = ()


@dataclass
class Read:
    storage: int
    version: int
    view: tuple
    bytes: int
    differentiable: bool


@dataclass
class Saved:
    """A storage that autograd keeps for the backward pass of the operator that has this sequence number."""

    sequence: int
    storage: int
    bytes: int


@dataclass
class Item:
    """
    An operator. `sequence` counts the autograd nodes made before it and by it; in the backward pass it is the number of the
    node that runs it. `made`: its results, as they can be read. `parts`: FLOPs of its results, where one operator computes several gradients.
    """

    name: str
    sequence: int
    reads: list[Read]
    writes: list[tuple[int, int, int]]
    flops: int = 0
    parts: list[int] | None = None
    is_view: bool = False
    arguments: object = None
    func: object = None
    made: list[Read] = field(default_factory=list)


class Recording(TorchDispatchMode):
    """`calls` and `forward` in order of execution. Storages are known by number; `named` are the parameters and buffers."""

    def __init__(self, module: nn.Module, most: int):
        super().__init__()
        self.module = module
        self.most = most
        self.calls: list[Call] = []
        self.forward: list[Item] = []
        self.saved: list[Saved] = []
        self.backward: list[Item] = []
        self.items = self.forward
        self.versions: dict[int, int] = {}
        self.sizes: dict[int, int] = {}
        self.kept: list[object] = []
        self.open: list[int] = []
        self.input_gradients: set[int] = set()
        self.parameter_gradients: set[int] = set()
        self.named: dict[int, str] = {}
        self.inputs: dict[int, str] = {}
        self.outputs: list[Read] = []
        for name, value in [*module.named_buffers(), *module.named_parameters()]:
            self.named[self.storage(value)] = name

    def storage(self, tensor: torch.Tensor) -> int:
        """Kept alive, so that no other storage gets its number."""
        storage = tensor.untyped_storage()
        number = storage._cdata
        if number not in self.versions:
            self.versions[number] = 0
            self.sizes[number] = storage.nbytes()
            self.kept.append(storage)
        return number

    def read(self, tensor: torch.Tensor) -> Read:
        number = self.storage(tensor)
        view = (tensor.storage_offset(), tuple(tensor.shape), tuple(tensor.stride()), str(tensor.dtype))
        differentiable = tensor.requires_grad and (tensor.is_floating_point() or tensor.is_complex())
        return Read(number, self.versions[number], view, tensor.numel() * tensor.element_size(), differentiable)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.ops.prim.device.default:
            return func(*args, **kwargs)
        if func._overloadpacket not in FORMULAS:
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        reads = [self.read(tensor) for tensor in tensors]
        template = tree_map(lambda leaf: self.read(leaf) if isinstance(leaf, torch.Tensor) else leaf, (args, kwargs))
        result = func(*args, **kwargs)
        self.add(func, args, kwargs, reads, template, result)
        return result

    def add(self, func, args, kwargs, reads, template, result):
        if len(self.items) >= self.most:
            raise TraceProblem("limits", f"A pass has more than {self.most} operators.")
        schema = func._schema
        written = set()
        if schema.is_mutable:
            for index, argument in enumerate(schema.arguments):
                if argument.alias_info is not None and argument.alias_info.is_write:
                    value = args[index] if index < len(args) else kwargs.get(argument.name)
                    written.update(self.storage(leaf) for leaf in tree_leaves(value) if isinstance(leaf, torch.Tensor))
        known = {read.storage for read in reads}
        results = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        made = [self.storage(leaf) for leaf in results]
        for number in written:
            self.versions[number] += 1
        writes = [(number, self.versions[number], self.sizes[number]) for number in dict.fromkeys([*made, *written]) if number in written or number not in known]
        node = torch._C._current_autograd_node() if self.items is self.backward else None
        sequence = node._sequence_nr() if node is not None else torch._C._autograd._get_sequence_nr()
        parts = count_parts(func, args)
        self.items.append(Item(str(func), sequence, reads, writes, count(func, args, kwargs, result), parts, not writes, template, func, [self.read(leaf) for leaf in results]))

    def pack(self, tensor: torch.Tensor) -> torch.Tensor:
        number = self.storage(tensor)
        if number not in self.named:
            self.saved.append(Saved(torch._C._autograd._get_sequence_nr(), number, self.sizes[number]))
        return tensor

    def operator_of_node(self, number: int) -> int:
        """Position of the forward operator that made an autograd node: the first whose count is past it. Operators' number where there is none."""
        return bisect_right(self.forward, number, key=lambda item: item.sequence)

    @contextmanager
    def module_calls(self):
        """A module that is registered twice goes by its first path. Calls of modules made on the way count as their caller's own work."""
        handles = []

        def enter(path):
            def hook(module, args, kwargs):
                index = len(self.calls)
                self.calls.append(Call(path, module, self.open[-1] if self.open else None, len(self.forward), arguments=(args, kwargs)))
                if self.open:
                    self.calls[self.open[-1]].children.append(index)
                self.open.append(index)

            return hook

        def leave(module, args, kwargs, output):
            self.calls[self.open.pop()].end = len(self.forward)

        for path, child in self.module.named_modules():
            if not isinstance(child, torch.jit.ScriptModule):
                handles.append(child.register_forward_pre_hook(enter(path), with_kwargs=True))
                handles.append(child.register_forward_hook(leave, with_kwargs=True))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def record(module: nn.Module, arguments: dict, inputs: dict[str, torch.Tensor], trained: bool, inputs_learn: bool, most: int) -> Recording:
    """
    One pass of at most `most` operators in each direction, where parameters get gradients (`trained`), inputs do, both or neither.
    @raises whatever the module's forward pass raises, and RuntimeError where torch cannot differentiate it.
    """
    learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
    recording = Recording(module, most)
    hooks = []
    for parameter in learning:
        parameter.requires_grad_(trained)
        if trained:
            hooks.append(parameter.register_hook(lambda gradient: recording.parameter_gradients.add(recording.storage(gradient))))
    for name, value in inputs.items():
        recording.inputs[recording.storage(value)] = name
        if inputs_learn and value.is_floating_point():
            value.requires_grad_()
            value.register_hook(lambda gradient: recording.input_gradients.add(recording.storage(gradient)))
    try:
        with recording, torch.enable_grad():
            with recording.module_calls(), torch.autograd.graph.saved_tensors_hooks(recording.pack, lambda tensor: tensor):
                result = module(**arguments)
            outputs = output_tensors(result)
            recording.outputs = [recording.read(value) for value in outputs]
            roots = [value for value in outputs if value.requires_grad]
            if roots:
                gradients = [torch.empty_like(value) for value in roots]
                recording.items = recording.backward
                torch.autograd.backward(roots, gradients)
    finally:
        for hook in hooks:
            hook.remove()
        for parameter in learning:
            parameter.requires_grad_(True)
            parameter.grad = None
    return recording


def output_tensors(result) -> list[torch.Tensor]:
    """Tensors of a tuple, a dictionary, an output object of diffusers or transformers, or a data class."""
    if hasattr(result, "to_tuple"):
        result = result.to_tuple()
    elif hasattr(result, "__dataclass_fields__"):
        result = [getattr(result, name) for name in result.__dataclass_fields__]
    return [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
