"""The walk along a graph, from the image to the logits, that collects the nodes of the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.stage import ModelGraph
from onnx_export.importer.classes import CLASS_PICKERS, ORDER_KEEPERS, check_class_picker, left_out
from onnx_export.importer.elementwise import BINARY, SUPPORTED, elementwise
from onnx_export.importer.fold import fold_constants
from onnx_export.importer.graph import Graph, ImportRefusedError, Node
from onnx_export.importer.layers import Layers
from onnx_export.importer.layout import MOVES
from onnx_export.importer.logits import finished
from onnx_export.importer.matrices import MATRIX_OPS
from onnx_export.importer.meaning import Entering
from onnx_export.importer.pixels import input_layout
from onnx_export.importer.pools import MAXIMA, REDUCTIONS, WINDOW_MEANS
from onnx_export.importer.quantizers import QUANTIZERS
from onnx_export.importer.signal import Base, Pixels, Signal
from onnx_export.importer.thermometer import read_thermometer
from onnx_export.metadata import value_tensors

JOINS = {*BINARY, "Sum"}
BEHIND_LOGITS = MOVES | CLASS_PICKERS | {"Identity"}

Constants = list[NDArray[Any] | None]  # a node's inputs, None for what depends on the image or is left out


class Walk:
    """One pass over a graph.

    Attributes:
        model: that was found.
        arrangement: (H * W * C,) number of the element in the file's flattened input of every element (y, x, c).
        notes: what a user should know of how the file was read.
        logits: the tensor whose order the scores keep.
    """

    def __init__(self, graph: Graph, entering: Entering) -> None:
        """Walk.

        Args:
            graph: of the file, constants folded.
            entering: what each pixel value is when it enters the graph.

        Raises:
            ImportRefusedError: what has no integer form, by node and reason.
        """
        self._graph = graph
        self._own_source = value_tensors(graph.metadata)[:1]  # where our own exporter of graphs wrote the file
        self._layers = Layers(entering)
        self.notes = self._layers.notes
        layout, arrangement = input_layout(graph)
        self._signals = {graph.input: Signal(Pixels(arrangement), layout)}
        self._taken: set[int] = set()  # nodes that were read together with one before them
        self._picked: list[str] = []  # tensors whose highest element is the class
        self._readers: dict[str, Callable[[Node, Signal, int, Constants], Signal]] = {
            **dict.fromkeys(("Identity", "Sum"), lambda node, signal, operand, constants: signal),
            "Dropout": self._dropout,
            "Pad": self._layers.pad,
            "Im2Col": self._layers.im2col,
            **dict.fromkeys(MOVES, self._move),
            **dict.fromkeys(MATRIX_OPS, self._layers.matrix),
            **dict.fromkeys(MAXIMA, self._max_pool),
            **dict.fromkeys(WINDOW_MEANS, self._layers.mean),
            **dict.fromkeys(REDUCTIONS, self._reduced),
            **dict.fromkeys(ORDER_KEEPERS, self._keep_order),
        }
        self._enter_if_forked()
        self._follow()
        self.logits, last = self._find_logits()
        self.model: ModelGraph = finished(self._layers.building, self.notes, last)
        self.arrangement = self._layers.image.arrangement

    @property
    def _is_own(self) -> bool:
        """The file has a tensor for each value of a network, which comes back as it was."""
        return bool(self._own_source)

    def _enter_if_forked(self) -> None:
        readers = [node for node in self._graph.nodes if self._graph.input in node.inputs and node.op != "Shape"]
        if len(readers) > 1 or (readers and self._own_source == [self._graph.input]):
            signal = self._signals[self._graph.input]
            self._signals[self._graph.input] = self._layers.image.entered(readers[0], signal)

    def _follow(self) -> None:
        nodes = list(self._graph.nodes)
        while nodes:
            node = nodes.pop(0)
            if node.op == "Shape" and node.inputs[0] in self._signals:
                nodes = self._shape_known(node, nodes)
                continue
            if id(node) not in self._taken:
                self._read(node)

    def _shape_known(self, node: Node, nodes: list[Node]) -> list[Node]:
        """A tensor's shape is a constant here, and so is what is computed with it alone."""
        size = np.array(self._signals[node.inputs[0]].layout.places.shape, np.int64)
        constants = self._graph.constants | {node.outputs[0]: size}
        known = fold_constants(replace(self._graph, nodes=tuple(nodes), constants=constants))
        self._graph = replace(known, nodes=self._graph.nodes)
        return list(known.nodes)

    def _read(self, node: Node) -> None:
        constants = [self._graph.constants.get(name) if name else None for name in node.inputs]
        others = [name for name in node.inputs if name and name not in self._graph.constants]
        missing = [name for name in others if name not in self._signals]
        if missing:
            raise node.refuse(f"reads {missing[0]}, which no node before it gives")
        if not others:
            raise node.refuse("depends on no image; only constants and operators on the image are known")
        signals = [self._signals[name] for name in others]
        for signal in signals:
            self._check_waiting(node, signal)
        if len(others) > 1:
            made = self._join(node, signals, constants)
        else:
            thermometer = read_thermometer(self._graph, node, signals[0]) if node.op == "Unsqueeze" else None
            if thermometer is not None:
                self._signals[thermometer.tensor] = self._layers.image.thermometer(thermometer)
                self._taken.update(map(id, thermometer.nodes))
                return
            if node.op in CLASS_PICKERS:
                check_class_picker(self._graph, node, signals[0].layout)
                self.notes.append(f"{node} is left out: the class is that of the highest score")
                self._picked.append(signals[0].kept[1] if signals[0].kept else others[0])
                return
            made = self._readers.get(node.op, self._elementwise)(
                node, signals[0], node.inputs.index(others[0]), constants
            )
        self._signals[node.outputs[0]] = self._settled(node, made)

    def _check_waiting(self, node: Node, signal: Signal) -> None:
        if signal.lowered and node.op not in {"MatMul", "XnorPopcountMatMul"}:
            raise signal.lowered.node.refuse(f"is followed by {node}; only a MatMul may follow it")
        if signal.kept and node.op not in BEHIND_LOGITS:
            raise signal.kept[0].refuse(
                "is not the last node; behind the logits it can be left out, elsewhere it is no integer"
            )

    def _settled(self, node: Node, signal: Signal) -> Signal:
        """What a tensor is to those who read it: where several do, or our own exporter rounded it, a value by now."""
        is_forked = self._readings(node.outputs[0]) > 1
        if isinstance(signal.base, Pixels):
            enters = is_forked or self._own_source == [node.outputs[0]]
            return self._layers.image.entered(node, signal) if enters else signal
        rounds = node.op in QUANTIZERS and bool(signal.operators) and signal.operators[-1].step is not None
        if rounds and signal.pad is None and (self._is_own or is_forked):
            found = self._layers.building.on_grid(signal)
            return signal if found is None else Signal(found, signal.layout)
        return signal

    def _readings(self, tensor: str) -> int:
        counts = Counter(name for node in self._graph.nodes if node.op != "Shape" for name in node.inputs)
        return counts[tensor]

    def _join(self, node: Node, signals: list[Signal], constants: Constants) -> Signal:
        for signal in signals:
            if signal.pad is not None:
                raise signal.pad.node.refuse(f"is followed by {node}; only a convolution can take padding")
        if node.op == "Concat":
            return self._layers.concatenated(node, signals, constants)
        if node.op not in JOINS or any(constant is not None for constant in constants):
            raise node.refuse(
                f"joins {len(signals)} branches; what branches give can be added, subtracted or concatenated"
            )
        return self._layers.joins.elementwise(node, [self._layers.image.entered(node, signal) for signal in signals])

    def _move(self, node: Node, signal: Signal, operand: int, constants: Constants) -> Signal:
        if node.op != "Transpose" and signal.pad is not None:
            raise signal.pad.node.refuse(f"is followed by {node}; only a convolution can take padding")
        return signal.moved(signal.layout.moved(node, constants[1:]))

    def _dropout(self, node: Node, signal: Signal, operand: int, constants: Constants) -> Signal:
        if len(constants) > 2 and constants[2] is not None and constants[2].any():
            raise node.refuse("is in training mode; export the model in evaluation mode")
        return signal

    def _keep_order(self, node: Node, signal: Signal, operand: int, constants: Constants) -> Signal:
        if signal.kept is None:
            self.notes.append(left_out(node, signal.layout))
        return replace(signal, kept=(node, signal.kept[1] if signal.kept else node.inputs[operand]))

    def _max_pool(self, node: Node, signal: Signal, operand: int, constants: Constants) -> Signal:
        is_shared = self._is_own or self._readings(node.inputs[operand]) > 1
        return self._layers.max_pool(node, signal, of_bits=is_shared)

    def _reduced(self, node: Node, signal: Signal, operand: int, constants: Constants) -> Signal:
        return self._layers.reduced(node, signal, constants, keeps_ones=self._is_own)

    def _elementwise(self, node: Node, signal: Signal, operand: int, constants: Constants) -> Signal:
        operator = elementwise(node, operand, signal.layout, constants)
        if operator is None:
            known = sorted({*SUPPORTED, *self._readers, *CLASS_PICKERS, *JOINS, "Concat"})
            raise node.refuse(f"cannot become integers; known are {', '.join(known)}")
        pad = signal.pad
        if pad is not None:
            if not operator.uniform:
                raise pad.node.refuse(f"is followed by {node}, which differs between channels; pad behind it")
            padded = operator.function(np.full((1, 1), pad.value, np.float32))
            pad = replace(pad, value=float(padded[0, 0]))
        return replace(signal.acted(operator), pad=pad)

    def _find_logits(self) -> tuple[str, Signal]:
        """The one tensor whose order counts, and what it is."""
        found = list(dict.fromkeys(self._picked))
        for name in self._graph.outputs:
            signal = self._signals.get(name)
            if signal is not None:
                logits = signal.kept[1] if signal.kept else name
                found += [logits] if logits not in found else []
        if len(found) != 1:
            what = f"leads to {len(found)} outputs ({', '.join(found)})" if found else "leads to no output"
            raise ImportRefusedError(f"tensor {self._graph.input}: {what}; must lead to one, the logits")
        last = self._signals[found[0]]
        stated, size = self._graph.outputs.get(found[0]), last.layout.places.size
        if stated not in {None, size}:
            raise ImportRefusedError(f"output {found[0]}: has {size} values, the file says {stated}")
        if not isinstance(last.base, Base):
            raise ImportRefusedError("has no MatMul, Gemm or Conv between its input and its output")
        if last.pad or last.lowered:
            raise ImportRefusedError("ends in a Pad or Im2Col; must end in logits")
        return found[0], last
