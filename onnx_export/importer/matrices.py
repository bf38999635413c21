"""MatMul, Gemm, Conv and FINN's XnorPopcountMatMul as matrices of -1 and +1 with a scale a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.values import Shape
from bnn.window import NO_PADDING, Padding
from onnx_export.importer.graph import Node
from onnx_export.importer.layout import Layout
from onnx_export.importer.windows import Window, same_padding

MATRIX_OPS = {"MatMul", "Gemm", "Conv", "XnorPopcountMatMul"}


@dataclass(frozen=True, eq=False)
class Matrix:
    """A matrix layer as the file has it.

    Attributes:
        weights: -1 and +1 in the order of ``bnn.stage.ChainLayer``.
        scale: (mh,) what the file multiplies each row with; positive.
        bias: (mh,) added behind, or None.
        window: of a convolution, None for a dense layer.
        counts: the result is the number of equal bits, not the bipolar product.
        layout: of the result.
        groups: as ONNX's Conv has it.
    """

    node: Node
    weights: NDArray[np.float32]
    scale: NDArray[np.float64]
    bias: NDArray[np.float32] | None
    window: Window | None
    counts: bool
    layout: Layout
    groups: int = 1

    @property
    def is_padded(self) -> bool:
        """A window may stand partly outside of the image."""
        return self.window is not None and self.window.padding != NO_PADDING

    @property
    def rows(self) -> NDArray[np.int8]:
        """(mh, mw) of -1 and +1, columns in the order of the weights."""
        return self.weights.reshape(len(self.weights), -1).astype(np.int8)


def read_matrix(
    node: Node,
    operand: int,
    layout: Layout,
    constants: list[NDArray[Any] | None],
    *,
    lowered: Window | None = None,
    padding: Padding = NO_PADDING,
) -> Matrix:
    """The matrix of a node.

    Args:
        node: one of MATRIX_OPS.
        operand: which input depends on the image; must be the first.
        layout: of that input; for a lowered convolution of the image before Im2Col.
        constants: of all inputs.
        lowered: the window of the Im2Col in front, if there is one.
        padding: of the Pad in front of a Conv.

    Raises:
        ImportRefusedError: weights that are not one magnitude a row, or a layout that no layer has.
    """
    if operand != 0 or len(constants) < 2 or constants[1] is None:
        raise node.refuse("its weights must be its second input, and constant")
    numbers = [constant.dtype for constant in constants[1:] if constant is not None]
    if any(dtype != np.float32 for dtype in numbers):
        raise node.refuse(f"its constants are {', '.join(map(str, numbers))}, must be float32")
    if node.op == "Conv":
        return _convolution(node, layout, constants, padding)
    if node.op == "Gemm":
        _check_gemm(node)
    weights = constants[1].T if node.attributes.get("transB", 0) else constants[1]
    if weights.ndim != 2:
        raise node.refuse(f"weights of shape {constants[1].shape}, must have two sizes")
    if lowered is not None:
        return _lowered_convolution(node, layout, weights, lowered)
    if np.prod(layout.places.shape[:-1]) != 1:
        if not layout.is_nhwc:
            raise node.refuse(f"multiplies an input of shape {layout.places.shape}; flatten it to (1, n)")
        return _lowered_convolution(node, layout, weights, Window((1, 1)))
    inputs = layout.places.size
    if weights.shape[0] != inputs:
        raise node.refuse(f"weights of shape {weights.shape} for {inputs} inputs")
    in_order = np.empty_like(weights)
    in_order[layout.places.reshape(-1)] = weights
    outputs = weights.shape[1]
    height, width, channels = layout.shape
    signs, scale = _signs_and_scale(node, in_order.T)
    if height * width > 1:
        signs = signs.reshape(outputs, height, width, channels).transpose(0, 3, 1, 2)
    bias = None
    if node.op == "Gemm":
        scale = scale * abs(float(node.attributes.get("alpha", 1.0)))
        signs = signs * np.float32(np.sign(node.attributes.get("alpha", 1.0)))
        bias = _gemm_bias(node, constants, outputs)
    behind = Layout.vector(outputs, (*layout.places.shape[:-1], outputs))
    return Matrix(node, signs, scale, bias, None, node.op == "XnorPopcountMatMul", behind)


def _check_gemm(node: Node) -> None:
    if node.attributes.get("transA", 0):
        raise node.refuse("transposes its input")
    if not node.attributes.get("alpha", 1.0):
        raise node.refuse("alpha is 0, so that its result does not depend on the image")


def _gemm_bias(node: Node, constants: list[NDArray[Any] | None], outputs: int) -> NDArray[np.float32] | None:
    if len(node.inputs) < 3 or not node.inputs[2]:
        return None
    given = constants[2]
    if given is None or given.size not in {1, outputs}:
        raise node.refuse(f"its bias must be constant, one value or one an output ({outputs})")
    beta = np.float32(node.attributes.get("beta", 1.0))
    return np.broadcast_to(beta * given.reshape(-1).astype(np.float32), (outputs,))


def _convolution(node: Node, layout: Layout, constants: list[NDArray[Any] | None], padding: Padding) -> Matrix:
    weights = constants[1]
    assert weights is not None
    if weights.ndim != 4:
        raise node.refuse(f"weights of shape {weights.shape}; only convolutions over images (mh, c, kh, kw) are known")
    if node.channels_last:
        weights = weights.transpose(0, 3, 1, 2)  # qonnx turns the weights too
    groups = int(node.attributes.get("group", 1))
    if not (layout.is_nhwc if node.channels_last else layout.is_nchw):
        raise node.refuse(f"slides over an input of shape {layout.places.shape} that is not an image (1, C, H, W)")
    if groups < 1 or weights.shape[1] * groups != layout.shape[2] or len(weights) % groups:
        raise node.refuse(f"weights of shape {weights.shape} and {groups} groups for {layout.shape[2]} channels")
    top, left, bottom, right = padding
    height, width, channels = layout.shape
    kernel = (int(weights.shape[2]), int(weights.shape[3]))
    window = read_window(node, (height + top + bottom, width + left + right, channels), kernel).padded(padding)
    signs, scale = _signs_and_scale(node, weights.reshape(len(weights), -1))
    bias = None
    if len(constants) > 2 and node.inputs[2]:
        if constants[2] is None or constants[2].size != len(weights):
            raise node.refuse(f"its bias must be constant, one an output ({len(weights)})")
        bias = constants[2].reshape(-1).astype(np.float32)
    shape = (*window.positions(node, layout.shape), len(weights))
    behind = Layout.nhwc(shape) if node.channels_last else Layout.nchw(shape)
    return Matrix(node, signs.reshape(weights.shape), scale, bias, window, False, behind, groups)


def _lowered_convolution(node: Node, layout: Layout, weights: NDArray[Any], window: Window) -> Matrix:
    """A MatMul over the (ky, kx, c) columns of an Im2Col, or over the channels of an NHWC image."""
    kernel_height, kernel_width = window.kernel
    channels, outputs = layout.shape[2], weights.shape[1]
    if weights.shape[0] != kernel_height * kernel_width * channels:
        raise node.refuse(f"weights of shape {weights.shape} for windows {window.kernel} of {channels} channels")
    signs, scale = _signs_and_scale(node, weights.T)
    in_order = signs.reshape(outputs, kernel_height, kernel_width, channels).transpose(0, 3, 1, 2)
    shape = (*window.positions(node, layout.shape), outputs)
    counts = node.op == "XnorPopcountMatMul"
    return Matrix(node, in_order, scale, None, window, counts, Layout.nhwc(shape))


def read_window(node: Node, shape: Shape, kernel: tuple[int, int]) -> Window:
    """Kernel, stride and padding of a Conv or MaxPool node on an image of that shape."""
    if any(dilation != 1 for dilation in node.attributes.get("dilations", [1, 1])):
        raise node.refuse(
            f"dilations {list(node.attributes['dilations'])}, must be 1: the network's windows have no gaps; train "
            "with a larger stride or kernel"
        )
    strides = tuple(node.attributes.get("strides", [1, 1]))
    pads = tuple(node.attributes.get("pads", NO_PADDING))
    if len(strides) != 2 or len(pads) != 4:
        raise node.refuse(f"strides {strides} and pads {pads}, must be two and four numbers")
    stride = (int(strides[0]), int(strides[1]))
    padding: Padding = (int(pads[0]), int(pads[1]), int(pads[2]), int(pads[3]))
    automatic = node.attributes.get("auto_pad", "NOTSET")
    if automatic in {"SAME_UPPER", "SAME_LOWER"}:
        padding = same_padding(shape, kernel, stride, automatic == "SAME_UPPER")
    elif automatic == "VALID":
        padding = NO_PADDING
    return Window(kernel, stride, padding)


def _signs_and_scale(node: Node, weights: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """(mh, mw) weights as -1 and +1 and one positive magnitude a row."""
    values = weights.astype(np.float64)
    if not np.isfinite(values).all():
        raise node.refuse(f"its weights {node.inputs[1]} hold NaN or infinity")
    if node.op == "XnorPopcountMatMul":
        if not np.isin(values, (0, 1)).all():
            raise node.refuse("its weights must be bits, 0 and 1")
        return (2 * values - 1).astype(np.float32), np.ones(len(values))
    magnitudes = np.abs(values)
    scale = magnitudes[:, 0]
    wrong = magnitudes != scale[:, None]
    if wrong.any() or not scale.all():
        row = int(np.argmax(wrong.any(axis=1) | (scale == 0)))
        seen = np.unique(values[row])
        shown = ", ".join(f"{value:g}" for value in seen[:4]) + (", ..." if len(seen) > 4 else "")
        raise node.refuse(
            f"weights of output {row} take {len(seen)} values ({shown}), must be -s and +s for one s; "
            "only 1-bit weights can become bits"
        )
    return np.sign(values).astype(np.float32), scale
