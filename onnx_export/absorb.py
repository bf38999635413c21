"""Threshold absorption: a trained model becomes integers that compute exactly what its float32 arithmetic computes.

Nothing here is algebra on real numbers. The model's own epilogue is evaluated at every accumulator that a layer can
reach; where its output turns is the threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn.chain import Chain
from bnn.encoding import pack_bits
from bnn.layers import ConvLayer, DenseLayer, Layer, MaxPoolLayer
from bnn.network import Network
from bnn.staged import Pool, Stage, StagedModel
from bnn.values import Shape
from bnn.window import NO_PADDING
from onnx_export.comparator import find_turns
from onnx_export.reach import AbsorptionError, Reach, reachable
from onnx_export.scores import order_scores

__all__ = ["AbsorptionError", "absorb"]

Matrix = NDArray[np.int8]  # (mh, mw) of -1 and +1, mw over (y, x, c) or (ky, kx, c_in)


@dataclass(frozen=True, eq=False)
class _Activations:
    """What enters a stage: its shape, the integers that it can be (None: bits), and which channels are inverted."""

    shape: Shape
    values: NDArray[np.int64] | None
    inverted: NDArray[np.bool_]  # (c,)


def absorb(model: StagedModel, progress: Callable[[int], None] | None = None) -> Network:
    """Turn a staged model into the integer network that gives the same answers for every image.

    A channel whose output rises with the accumulator gets the first accumulator that gives +1 as its threshold. A
    falling one has its row of weights negated (row_flip), which negates its accumulator. In front of a max pool that
    is not valid, because the pool takes the largest accumulator: there the bit means the opposite of the model's, and
    the next layer's weights for that channel, and its padding, are negated instead.

    Args:
        model: every stage with its epilogue.
        progress: called with 1 after each stage.

    Raises:
        AbsorptionError: an epilogue that is not monotonic, gives NaN, or has no integer form; layer and channel named.
        bnn.network.NetworkError: sizes that do not fit.
    """
    values = None if model.input.binary else np.unique(model.input.table).astype(np.int64)
    entering = _Activations(model.input.shape, values, np.zeros(model.input.shape[2], bool))
    layers: list[Layer] = []
    for stage in model.stages[:-1]:
        absorbed, entering = _hidden(stage, entering)
        layers += absorbed
        if progress:
            progress(1)
    layers.append(_last(model.stages[-1], entering))
    network = Chain(model.input, tuple(layers)).network()
    if progress:
        progress(1)
    return network


def _hidden(stage: Stage, entering: _Activations) -> tuple[list[Layer], _Activations]:
    matrix = _matrix(stage, entering.shape)
    reach = reachable(stage.name, matrix, _values(stage, entering))
    turns = find_turns(stage.name, stage.epilogue, reach)
    inverted = np.zeros(reach.channels, bool)
    index = turns.index
    if stage.pool_before:
        # Falling: +1 iff the largest accumulator is below the turn, so -1 iff any accumulator reaches it.
        inverted = turns.falling
    else:
        # Negated, accumulator number i becomes number count - 1 - i: i < turn is the same as that >= count - turn.
        index = np.where(turns.falling, reach.count - turns.index, turns.index)
        matrix = np.where(turns.falling[:, None], -matrix, matrix)
        reach = reachable(stage.name, matrix, _values(stage, entering))
    layer = _layer(stage, entering, matrix, _thresholds(entering, reach, index), None)
    layers: list[Layer] = [layer]
    if stage.pool_before and stage.pool_after and inverted.any():
        raise AbsorptionError(
            f"layer {stage.name} channel {int(np.argmax(inverted))}: falls between max pools {stage.pool_before.name} "
            f"and {stage.pool_after.name}, so the second would be a minimum of bits; keep one of the two"
        )
    layers += [_pool(pool, inverted) for pool in (stage.pool_before, stage.pool_after) if pool]
    shape = entering.shape
    for made in layers:
        shape = made.output_shape(shape)
    return layers, _Activations(shape, None, inverted)


def _last(stage: Stage, entering: _Activations) -> Layer:
    if stage.pool_before or stage.pool_after:
        raise AbsorptionError(f"layer {stage.name}: a max pool after the last layer; put it before")
    matrix = _matrix(stage, entering.shape)
    reach = reachable(stage.name, matrix, _values(stage, entering))
    scores = order_scores(stage.name, stage.epilogue, reach, binary=entering.values is None)
    return _layer(stage, entering, -matrix if scores.negated else matrix, None, scores.table)


def _values(stage: Stage, entering: _Activations) -> NDArray[np.int64] | None:
    """Every integer that an input of this stage can be, None for bits."""
    if entering.values is None or stage.padding == NO_PADDING:
        return entering.values
    return np.union1d(entering.values, [stage.pad_value])


def _matrix(stage: Stage, shape: Shape) -> Matrix:
    """The weights as (mh, mw), channel last."""
    weights = stage.weights
    wrong = np.abs(weights) != 1
    if wrong.any():
        place = tuple(int(index) for index in np.argwhere(wrong)[0])
        raise AbsorptionError(f"layer {stage.name}: weight {weights[place]} at {place}, must be -1 or +1")
    if weights.ndim == 2 and not stage.is_convolution and (shape[:2] == (1, 1) or shape[2] == 1):
        return weights.astype(np.int8)
    height, width, channels = shape
    image = weights.shape[1:] if not stage.is_convolution else (*weights.shape[1:2], height, width)
    if weights.ndim != 4 or image != (channels, height, width):
        expected = f"(mh, {channels}, kh, kw)" if stage.is_convolution else f"(mh, {channels}, {height}, {width})"
        raise AbsorptionError(f"layer {stage.name}: weights have shape {weights.shape}, must be {expected}")
    return weights.transpose(0, 2, 3, 1).reshape(len(weights), -1).astype(np.int8)


def _thresholds(entering: _Activations, reach: Reach, index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Accumulator number as the contract counts: P for bits, the sum for integers, one above the highest for never."""
    if entering.values is None:
        return index
    sums: NDArray[np.int64] = np.minimum(reach.lowest + reach.step * index, reach.highest + 1)
    return sums


def _layer(
    stage: Stage,
    entering: _Activations,
    matrix: Matrix,
    thresholds: NDArray[np.int64] | None,
    score_table: NDArray[np.int32] | None,
) -> Layer:
    """The layer, with the columns of inverted channels negated.

    w x = (-w)(-x), so negating a column together with its input leaves every product, hence the accumulator and all
    that was found about it, as it was. Padding reads as if it were input, so its bit is negated along.
    """
    sign = np.where(entering.inverted, -1, 1).astype(np.int8)
    columns = (matrix.reshape(len(matrix), -1, len(sign)) * sign).reshape(matrix.shape)
    words = pack_bits(columns > 0)
    if not stage.is_convolution:
        return DenseLayer(stage.name, words, matrix.shape[1], thresholds, score_table=score_table)  # type: ignore[arg-type]
    return ConvLayer(
        stage.name,
        words,
        matrix.shape[1],
        thresholds,  # type: ignore[arg-type]
        score_table=score_table,
        kernel=(int(stage.weights.shape[2]), int(stage.weights.shape[3])),
        stride=stage.stride,
        padding=stage.padding,
        pad_values=_pad_values(stage, entering, sign),
    )


def _pad_values(stage: Stage, entering: _Activations, sign: NDArray[np.int8]) -> NDArray[np.int16]:
    if stage.padding == NO_PADDING:
        return np.zeros(len(sign), np.int16)
    if entering.values is not None:
        return np.full(len(sign), stage.pad_value, np.int16)
    if stage.pad_value not in {-1, 1}:
        raise AbsorptionError(
            f"layer {stage.name}: padded with {stage.pad_value}, bipolar input must be padded with -1 or +1"
        )
    return (stage.pad_value * sign > 0).astype(np.int16)


def _pool(pool: Pool, inverted: NDArray[np.bool_]) -> MaxPoolLayer:
    return MaxPoolLayer(pool.name, pool.kernel, pool.stride, pool.padding, inverted if inverted.any() else None)
