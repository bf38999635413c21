"""What a file does to pixels: the network's source in standard and QONNX operators."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnn.errors import UserError
from bnn.nodes import Encode, Source, Thermometer
from onnx_export.graph_nodes import GraphNodes
from onnx_export.naming import INPUT_NAME

PIXELS = np.arange(256)


def write_source(out: GraphNodes, source: Source) -> str:
    """The nodes that make of ``pixels`` what the source makes of them; the last one's tensor.

    Raises:
        UserError: a table that falls somewhere.
    """
    if isinstance(source, Thermometer):
        return _thermometer(out, source)
    assert isinstance(source, Encode)
    tables = source.table.reshape(-1, 256).astype(np.int64)
    if (np.diff(tables, axis=1) < 0).any():
        raise UserError(f"{source.where}: its table falls somewhere, which no QONNX operator does; let it rise")
    if source.binary:
        first = (tables == 0).sum(axis=1).astype(np.float32)  # pixel value from which on each channel's bit is 1
        first = first.reshape(()) if len(first) == 1 else first.reshape(1, -1, 1, 1)
        shifted = out.add("Sub", "input_threshold_sub", [INPUT_NAME, out.constant("input_threshold", first)])
        scale = out.constant("input_sign_scale", 1.0)
        return out.add("BipolarQuant", "input_sign", [shifted, scale], tensor=source.name)
    if np.array_equal(tables[0], PIXELS) and len(tables) == 1:
        return INPUT_NAME
    for shift in range(1, 8):
        if np.array_equal(tables, PIXELS[None] >> shift):
            factor = out.constant("input_step", 2.0**-shift)
            scaled = out.add("Mul", "input_scale", [INPUT_NAME, factor])
            return out.add("Floor", "input_floor", [scaled], tensor=source.name)
    return _steps(out, source, tables)


def _steps(out: GraphNodes, source: Encode, tables: NDArray[np.int64]) -> str:
    """A rising table: its lowest integer, and 1 more at each threshold that a pixel reaches."""
    reached = [np.repeat(PIXELS[1:], np.diff(table)) for table in tables]
    count = max(1, *(len(steps) for steps in reached))
    thresholds = np.full((len(tables), count), 256.0)  # no pixel reaches 256
    for row, steps in zip(thresholds, reached, strict=True):
        row[: len(steps)] = steps
    lowest = tables[:, 0].astype(np.float32)
    same = bool((lowest == lowest[0]).all())
    bias = float(lowest[0]) if same else 0.0
    inputs = [INPUT_NAME, out.constant("input_thresholds", thresholds)]
    name = source.name if same else None
    attributes = {"out_dtype": "INT16", "out_scale": 1.0, "out_bias": bias}
    tensor = out.add("MultiThreshold", "input_steps", inputs, tensor=name, **attributes)
    if same:
        return tensor
    offset = out.constant("input_lowest", lowest.reshape(1, -1, 1, 1))
    return out.add("Add", "input_offset", [tensor, offset], tensor=source.name)


def _thermometer(out: GraphNodes, source: Thermometer) -> str:
    """One more axis, a threshold for each place on it, a sign, and the axis goes into the channels."""
    height, width, channels = source.output().shape
    axis = out.constant("input_axis", [2], np.int64)
    steps = source.thresholds.astype(np.float32)
    thresholds = out.constant(
        "input_thresholds", steps.reshape(1, *steps.shape, 1, 1) if steps.ndim > 1 else steps[:, None, None]
    )
    spread = out.add("Unsqueeze", "input_unsqueeze", [INPUT_NAME, axis])
    shifted = out.add("Sub", "input_threshold_sub", [spread, thresholds])
    bits = out.add("BipolarQuant", "input_sign", [shifted, out.constant("input_sign_scale", 1.0)])
    size = out.constant("input_shape", [1, channels, height, width], np.int64)
    return out.add("Reshape", "input_reshape", [bits, size], tensor=source.name)
