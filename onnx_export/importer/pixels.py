"""How images enter a graph: a pixel's scale, its place in the input tensor, and what it means to the first matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnn.network import InputEncoding, Shape
from onnx_export.importer.elementwise import Elementwise
from onnx_export.importer.graph import Graph, ImportRefusedError
from onnx_export.importer.layout import Layout
from onnx_export.importer.levels import Bits, Integers, bipolar_pixels, integer_pixels
from onnx_export.importer.matrices import Matrix
from onnx_export.metadata import INPUT_SCALE_KEY

UNIT_SCALE = 1 / 255  # the convention of training code: pixels from 0 to 1


def find_input_scale(graph: Graph, given: float | None) -> tuple[float, str | None]:
    """What a pixel value is multiplied with, and a note where that is an assumption."""
    if given is not None:
        if not np.isfinite(given) or given <= 0:
            raise ImportRefusedError(f"input scale {given}, must be a number above 0")
        return given, None
    if INPUT_SCALE_KEY in graph.metadata:
        try:
            return find_input_scale(graph, float(graph.metadata[INPUT_SCALE_KEY]))
        except ValueError:
            raise ImportRefusedError(
                f"metadata {INPUT_SCALE_KEY} is {graph.metadata[INPUT_SCALE_KEY]!r}, must be a number above 0"
            ) from None
    if graph.input_is_uint8 or _divides_pixels(graph):
        return 1.0, None
    return UNIT_SCALE, "pixels are taken as 0..1 (input scale 1/255); give another with --input-scale"


def _divides_pixels(graph: Graph) -> bool:
    """The first node brings 0..255 to 0..1 by itself."""
    first = next((node for node in graph.nodes if graph.input in node.inputs), None)
    constants = [graph.constants[tensor] for tensor in first.inputs if tensor in graph.constants] if first else []
    if first is None or len(constants) != 1 or constants[0].size != 1:
        return False
    value = float(constants[0].reshape(-1)[0])
    return (first.op == "Div" and value in {255.0, 256.0}) or (first.op == "Mul" and 0 < value < 1 / 128)


def input_layout(graph: Graph) -> tuple[Layout, NDArray[np.int64]]:
    """The image as the input tensor holds it, and where its elements (y, x, c) are in the flattened tensor.

    Four sizes are (1, C, H, W), unless only the last looks like a number of channels. The first window to slide over
    it knows better.
    """
    shape = graph.input_shape
    match len(shape):
        case 4 if shape[3] in {1, 3} and shape[1] not in {1, 3}:
            layout = Layout.nhwc((shape[1], shape[2], shape[3]))
        case 4:
            layout = Layout.nchw((shape[2], shape[3], shape[1]))
        case 3:
            layout = Layout((shape[1], shape[2], 1), np.arange(shape[1] * shape[2]).reshape(shape))
        case 2:
            layout = Layout.vector(shape[1], shape)
        case _:
            raise ImportRefusedError(f"input {graph.input}: shape {shape}, must have 2 to 4 sizes")
    return layout, np.argsort(layout.places.reshape(-1))


def seen_as_image(layout: Layout, *, channels_last: bool) -> tuple[Layout, NDArray[np.int64]]:
    """The image that a window slides over in a four-dimensional tensor, and which element of the old image is where."""
    places = layout.places[0] if channels_last else layout.places[0].transpose(1, 2, 0)
    height, width, channels = places.shape
    shape: Shape = (height, width, channels)
    return (Layout.nhwc if channels_last else Layout.nchw)(shape), places.reshape(-1)


def encode_pixels(
    pixels: NDArray[np.float32], operators: list[Elementwise], matrix: Matrix, pad: float, shape: Shape
) -> tuple[InputEncoding, Bits | Integers]:
    """What (256,) pixels are behind the operators in front of the first matrix.

    Two values -s and s become bits, unless the matrix pads with a third one; all else integers.
    """
    values = pixels[:, None]
    with np.errstate(all="ignore"):
        for operator in operators:
            values = operator.function(values)
    values = values[:, 0]
    bits = Bits(0.0, 1.0) if matrix.counts and np.isin(values, (0, 1)).all() else bipolar_pixels(values)
    if bits is not None and not (matrix.is_padded and pad not in {bits.low, bits.high}):
        return InputEncoding(shape, (values == bits.high).astype(np.int16), binary=True), bits
    integers = integer_pixels(values)
    if integers is None:
        raise matrix.node.refuse(
            f"the pixels that enter it take {len(np.unique(values))} values from {values.min():g} to "
            f"{values.max():g} that are no multiples, -256 to 255, of one step; quantize the input"
        )
    return InputEncoding(shape, integers.table.astype(np.int16), binary=False), integers
