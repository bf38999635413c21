"""A network evaluator that is as naive as the contract's wording: loops over frames, positions and channels."""

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

from bnn.chain import as_chain
from bnn.layers import ConvLayer, DenseLayer, MaxPoolLayer


def _windows(image, layer, pad_values):
    """Yield (y, x, window) with window (kernel height, kernel width, c) of the padded (h, w, c) image."""
    top, left, bottom, right = layer.padding
    height, width, channels = image.shape
    padded = np.empty((height + top + bottom, width + left + right, channels), np.int64)
    padded[:] = pad_values
    padded[top : top + height, left : left + width] = image
    out_height, out_width, _ = layer.output_shape(image.shape)
    for y in range(out_height):
        for x in range(out_width):
            start_y, start_x = y * layer.stride[0], x * layer.stride[1]
            yield y, x, padded[start_y : start_y + layer.kernel[0], start_x : start_x + layer.kernel[1]]


def _accumulate(weight_bits, inputs, binary):
    if binary:
        return int((weight_bits == inputs).sum())
    return int(sum(int(x) if w else -int(x) for w, x in zip(weight_bits, inputs, strict=True)))


def _output(layer, channel, accumulator, binary, lowest):
    if layer.thresholds is not None:
        return int(accumulator >= layer.thresholds[channel])
    if layer.score_table is not None:
        return int(layer.score_table[channel, accumulator - lowest[channel]])
    return 2 * accumulator - layer.mw if binary else accumulator


def _run(network, image):
    """Every layer's (h, w, c) output by name, for one (h, w, c) uint8 image."""
    outputs = {}
    tables = network.input.table
    values = np.empty(image.shape, np.int64)
    for y, x, channel in np.ndindex(image.shape):
        values[y, x, channel] = (tables[channel] if tables.ndim == 2 else tables)[image[y, x, channel]]
    binary = network.input.binary
    for layer, shape, value_range in as_chain(network).walk():
        assert values.shape == shape
        after = np.empty(layer.output_shape(shape), np.int64)
        if isinstance(layer, MaxPoolLayer):
            for y, x, window in _windows(values, layer, 0):
                after[y, x] = window.any(axis=(0, 1))
        else:
            lowest, _ = layer.accumulator_range(value_range)
            if isinstance(layer, DenseLayer):
                windows = [(0, 0, values)]
            else:
                assert isinstance(layer, ConvLayer)
                windows = _windows(values, layer, layer.pad_values)
            for y, x, window in windows:
                for channel in range(layer.mh):
                    accumulator = _accumulate(layer.weight_bits[channel], window.reshape(-1), binary)
                    after[y, x, channel] = _output(layer, channel, accumulator, binary, lowest)
        outputs[layer.name] = after
        values, binary = after, True
    return outputs


@pytest.fixture(scope="session")
def naive_run():
    """``naive_run(network, image)``: every layer's output by name, by loops."""
    return _run


def _ranks(scores):
    return np.searchsorted(np.unique(scores), scores)


@pytest.fixture(scope="session")
def same_order():
    """``same_order(a, b)``: two (n,) score vectors order their classes alike, ties included."""
    return lambda a, b: np.array_equal(_ranks(np.asarray(a)), _ranks(np.asarray(b)))


def _file_logits(path, imported, images):
    """(n, classes) of (n, H, W, C) uint8 images by qonnx, node by node; the oracle of every importer test."""
    model = ModelWrapper(str(path)).transform(InferShapes())
    source = model.graph.input[0].name
    inputs = (images * imported.input_scale).astype(np.float32).reshape(len(images), -1)
    in_file = np.empty_like(inputs)
    in_file[:, imported.arrangement] = inputs
    logits = [
        execute_onnx(model, {source: frame.reshape(imported.tensor_shape)})[model.graph.output[0].name].reshape(-1)
        for frame in in_file
    ]
    return np.stack(logits)


@pytest.fixture(scope="session")
def file_logits():
    """``file_logits(path, imported, images)``: what qonnx computes from the file."""
    return _file_logits
