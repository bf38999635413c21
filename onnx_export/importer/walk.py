"""The walk along a graph, from the image to the logits, that collects the stages of the integer network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.nodes import Encode
from bnn.stage import ChainLayer, ModelGraph, Pool, chain_model
from bnn.window import NO_PADDING, Padding
from onnx_export.importer.classes import CLASS_PICKERS, ORDER_KEEPERS, check_class_picker, left_out
from onnx_export.importer.elementwise import SUPPORTED, elementwise
from onnx_export.importer.fold import fold_constants
from onnx_export.importer.graph import Graph, ImportRefusedError, Node
from onnx_export.importer.layout import MOVES, Layout
from onnx_export.importer.levels import Bits, Integers
from onnx_export.importer.matrices import MATRIX_OPS, Matrix, read_matrix, read_window
from onnx_export.importer.meaning import Entering
from onnx_export.importer.names import LayerNames
from onnx_export.importer.open_stage import OpenStage
from onnx_export.importer.padding import pad_integer
from onnx_export.importer.pixels import PixelPath, input_layout, seen_as_image
from onnx_export.importer.windows import Window

POOLS = {"MaxPool", "MaxPoolNHWC", "GlobalMaxPool"}

Constants = list[NDArray[Any] | None]  # a node's inputs, None for what depends on the image or is left out


class Walk:
    """One pass over a graph.

    Attributes:
        model: that was found.
        arrangement: (H * W * C,) number of the element in the file's flattened input of every element (y, x, c).
        notes: what a user should know of how the file was read.
    """

    def __init__(self, graph: Graph, entering: Entering) -> None:
        """Walk.

        Args:
            graph: of the file, constants folded.
            entering: what each pixel value is when it enters the graph.

        Raises:
            ImportRefusedError: what has no integer form, by node and reason.
        """
        self.notes: list[str] = []
        self.logits = ""  # the tensor whose order the scores keep
        self._graph = graph
        self._pixels = PixelPath(entering)
        self._rounded: list[str] = []  # where rounding decides
        self._stages: list[ChainLayer] = []
        self._open: OpenStage | None = None
        self._names = LayerNames()
        self._pad: tuple[Node, Padding, float] | None = None
        self._lowered: tuple[Node, Window, float] | None = None
        self._encoding: Encode | None = None
        self._layout, self.arrangement = input_layout(graph)
        self._readers: dict[str, Callable[[Node, int, Constants], None]] = {
            "Identity": lambda node, operand, constants: None,
            "Dropout": self._dropout,
            "Pad": self._padding,
            "Im2Col": self._im2col,
            **dict.fromkeys(MOVES, self._move),
            **dict.fromkeys(MATRIX_OPS, self._matrix),
            **dict.fromkeys(POOLS, self._max_pool),
            **dict.fromkeys(ORDER_KEEPERS, self._keep_order),
        }
        self._follow()
        self.model = self._finish()

    def _follow(self) -> None:
        tensor = self._graph.input
        while (node := self._consumer(tensor)) is not None:
            if node.op in CLASS_PICKERS:
                check_class_picker(self._graph, node, self._layout)
                self.notes.append(f"{node} is left out: the class is that of the highest score")
                self.logits = self.logits or tensor
                return
            constants = [self._graph.constants.get(name) if name else None for name in node.inputs]
            others = [name for name in node.inputs if name and name not in self._graph.constants]
            if len(others) > 1:
                raise node.refuse(f"joins {', '.join(others)}; only chains without branches are known")
            if self._lowered and node.op not in {"MatMul", "XnorPopcountMatMul"}:
                raise self._lowered[0].refuse(f"is followed by {node}; only a MatMul may follow it")
            self._readers.get(node.op, self._elementwise)(node, node.inputs.index(tensor), constants)
            tensor = node.outputs[0]
        self.logits = self.logits or tensor
        if tensor not in self._graph.outputs:
            raise ImportRefusedError(f"tensor {tensor}: leads to no output")
        stated, found = self._graph.outputs[tensor], self._layout.places.size
        if stated not in {None, found}:
            raise ImportRefusedError(f"output {tensor}: has {found} values, the file says {stated}")

    def _consumer(self, tensor: str) -> Node | None:
        """The only node that a tensor goes into; asking for its shape does not count, that is known here."""
        nodes = [node for node in self._graph.nodes if tensor in node.inputs]
        shapes = [node for node in nodes if node.op == "Shape"]
        if shapes:
            size = np.array(self._layout.places.shape, np.int64)
            remaining = tuple(node for node in self._graph.nodes if node not in shapes)
            constants = self._graph.constants | {node.outputs[0]: size for node in shapes}
            self._graph = fold_constants(replace(self._graph, nodes=remaining, constants=constants))
            return self._consumer(tensor)
        if len(nodes) > 1:
            names = ", ".join(str(node) for node in nodes[:3])
            raise ImportRefusedError(f"tensor {tensor}: goes into {names}; only chains without branches are known")
        return nodes[0] if nodes else None

    def _move(self, node: Node, operand: int, constants: Constants) -> None:
        if node.op != "Transpose":
            self._refuse_pending_pad(node)
        self._layout = self._layout.moved(node, constants[1:])

    def _dropout(self, node: Node, operand: int, constants: Constants) -> None:
        if len(constants) > 2 and constants[2] is not None and constants[2].any():
            raise node.refuse("is in training mode; export the model in evaluation mode")

    def _keep_order(self, node: Node, operand: int, constants: Constants) -> None:
        following = self._consumer(node.outputs[0])
        while following is not None and following.op in MOVES | {"Identity"}:
            following = self._consumer(following.outputs[0])
        if following is not None and following.op not in CLASS_PICKERS:
            raise node.refuse("is not the last node; behind the logits it can be left out, elsewhere it is no integer")
        self.notes.append(left_out(node, self._layout))
        self.logits = self.logits or node.inputs[operand]

    def _elementwise(self, node: Node, operand: int, constants: Constants) -> None:
        operator = elementwise(node, operand, self._layout, constants)
        if operator is None:
            known = sorted({*SUPPORTED, *self._readers, *CLASS_PICKERS})
            raise node.refuse(f"cannot become integers; known are {', '.join(known)}")
        if self._pad is not None:
            if not operator.uniform:
                raise self._pad[0].refuse(f"is followed by {node}, which differs between channels; pad behind it")
            padding_node, padding, value = self._pad
            padded = operator.function(np.full((1, 1), value, np.float32))
            self._pad = (padding_node, padding, float(padded[0, 0]))
        if self._open is not None:
            self._open.operators.append(operator)
        else:
            self._pixels.operators.append(operator)

    def _matrix(self, node: Node, operand: int, constants: Constants) -> None:
        if node.op == "Conv" or self._lowered:
            self._see_image(channels_last=node.channels_last or self._lowered is not None)
        else:
            self._refuse_pending_pad(node)
        lowered, pad = self._lowered[1:] if self._lowered else (None, 0.0)
        padding = NO_PADDING
        if self._pad:
            _, padding, pad = self._pad
        matrix = read_matrix(node, operand, self._layout, constants, lowered=lowered, padding=padding)
        if self._pad and pad and matrix.window and matrix.window.padding != padding:
            raise self._pad[0].refuse(f"pads with {pad:g}, and {node} pads with 0 once more; pad once")
        self._pad = self._lowered = None
        entering = self._close(matrix, pad)
        if matrix.counts and entering != Bits(0.0, 1.0):
            raise node.refuse("counts equal bits, so its input must be 0 or 1")
        pad_value = pad_integer(node, entering, pad) if matrix.is_padded else 0
        self._open = OpenStage(self._names.name(node.name), matrix, entering, pad_value)
        self._layout = matrix.layout

    def _close(self, matrix: Matrix, pad: float) -> Bits | Integers:
        """Finish what stands before a matrix, and say what its input values mean."""
        if self._open is None:
            self._encoding, entering = self._pixels.encode(matrix, pad, self._layout.shape)
            self.notes += self._pixels.notes(self._encoding)
            return entering
        levels = self._open.levels(of_bits=matrix.counts)
        self._rounded += self._open.rounding_notes(is_last=False)
        self._stages.append(self._open.hidden(levels))
        return levels

    def _see_image(self, *, channels_last: bool) -> None:
        """At the first sliding window the image is whatever tensor it slides over."""
        if self._open is None and self._layout.places.ndim == 4:
            channels = self._layout.shape[2]
            self._layout, places = seen_as_image(self._layout, channels_last=channels_last)
            self.arrangement = self.arrangement[places]
            self._pixels.see(places, channels)

    def _max_pool(self, node: Node, operand: int, constants: Constants) -> None:
        self._refuse_pending_pad(node)
        if self._open is None:
            raise node.refuse("takes the maximum of pixels; a max pool must stand behind a layer")
        if self._open.pool is not None:
            raise node.refuse(f"follows the max pool {self._open.pool[0].name} with no matrix between; use one of them")
        channels_last = node.channels_last or node.op == "MaxPoolNHWC"
        if not (self._layout.is_nhwc if channels_last else self._layout.is_nchw):
            raise node.refuse(f"slides over an input of shape {self._layout.places.shape} that is not an image")
        shape = self._layout.shape
        kernel = shape[:2] if node.op == "GlobalMaxPool" else tuple(node.attributes.get("kernel_shape", ()))
        if len(kernel) != 2:
            raise node.refuse(f"kernel {kernel}, must have two sizes")
        window = read_window(node, shape, (int(kernel[0]), int(kernel[1])))
        if node.attributes.get("ceil_mode", 0):
            window = window.rounded_up(shape)
        pool = Pool(self._names.name(node.name), window.kernel, window.stride, window.padding)
        self._open.pool = (node, pool, len(self._open.operators))
        pooled = (*window.positions(node, shape), shape[2])
        self._layout = Layout.nhwc(pooled) if channels_last else Layout.nchw(pooled)

    def _padding(self, node: Node, operand: int, constants: Constants) -> None:
        self._refuse_pending_pad(node)
        given = (
            constants[1].tolist() if len(constants) > 1 and constants[1] is not None else node.attributes.get("pads")
        )
        constant = node.attributes.get("mode", "constant") == "constant" and len(node.inputs) <= 3
        if not constant or given is None or len(given) != 8 or self._layout.places.ndim != 4:
            raise node.refuse("only a constant padding of the height and width of a (1, C, H, W) tensor is known")
        channels_last = bool(given[1] or given[5]) or (self._open is not None and not self._layout.is_nchw)
        self._see_image(channels_last=channels_last)
        if not (self._layout.is_nhwc if channels_last else self._layout.is_nchw):
            raise node.refuse(f"pads a tensor of shape {self._layout.places.shape} that is not an image")
        image_axes = (1, 2) if channels_last else (2, 3)
        top, left, bottom, right = (int(given[axis + end]) for end in (0, 4) for axis in image_axes)
        if sum(map(abs, given)) != top + left + bottom + right or min(given) < 0:
            raise node.refuse(f"pads {list(given)}; only height and width can be padded, by 0 or more")
        value = constants[2] if len(constants) > 2 else None
        pad = float(node.attributes.get("value", 0.0)) if value is None else float(value.reshape(-1)[0])
        self._pad = (node, (top, left, bottom, right), pad)

    def _refuse_pending_pad(self, node: Node) -> None:
        if self._pad is not None:
            raise self._pad[0].refuse(f"is followed by {node}; only a convolution can take padding")

    def _im2col(self, node: Node, operand: int, constants: Constants) -> None:
        self._see_image(channels_last=True)
        if not self._layout.is_nhwc or node.attributes.get("depthwise", 0):
            raise node.refuse("only windows over all channels of a (1, H, W, C) tensor are known")
        kernel = node.attributes["kernel_size"]
        renamed = {"strides": node.attributes["stride"], "pads": node.attributes.get("pad_amount", NO_PADDING)}
        spelled = replace(node, attributes={**node.attributes, **renamed})
        window = read_window(spelled, self._layout.shape, (int(kernel[0]), int(kernel[1])))
        pad = float(node.attributes.get("pad_value", 0))
        if self._pad:
            padding_node, padding, value = self._pad
            if window.padding != NO_PADDING and value != pad:
                raise padding_node.refuse(f"pads with {value:g}, and {node} with {pad:g} once more; pad once")
            window, pad, self._pad = window.padded(padding), value, None
        self._lowered = (node, window, pad)

    def _finish(self) -> ModelGraph:
        if self._open is None or self._encoding is None:
            raise ImportRefusedError("has no MatMul, Gemm or Conv between its input and its output")
        if self._pad or self._lowered:
            raise ImportRefusedError("ends in a Pad or Im2Col; must end in logits")
        if self._layout.shape[:2] != (1, 1):
            raise self._open.matrix.node.refuse(
                f"the last layer gives {self._layout.shape}, must be one value a class; a binary network ends in a "
                "dense layer, or a convolution to 1 x 1"
            )
        self._rounded += self._open.rounding_notes(is_last=True)
        if self._rounded:
            where = ", ".join(self._rounded)
            self.notes.append(
                f"{where} within float rounding: here sums are exact, so the file executed in float may differ there"
            )
        if self._layout.places.size == 1:
            self.notes.append("one logit: class 1 where it is above 0, else class 0; the scores are of 0 and of it")
        stage = self._open.last(self._layout.places.reshape(-1))
        return chain_model(self._encoding, (*self._stages, stage))
