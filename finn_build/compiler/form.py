"""The network as FINN can hold it: the same function, with every padded bit 0 and a rising input threshold.

FINN's padding unit writes zeros, which are the bit 0 in its binary streams. Where our network pads a channel with bit
1, that channel is inverted all through: the layer before it gives the opposite bit, this layer's weights expect it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bnn import Chain, ConvLayer, DenseLayer, Encode, Layer, MatrixLayer, MaxPoolLayer, Shape
from bnn.encoding import pack_bits
from finn_build.errors import GraphError

EXACT_FLOAT32 = 2**24  # FINN's executor adds and compares in float32, which holds every integer up to here


@dataclass(frozen=True, eq=False)
class FinnForm:
    """An equal network without what FINN lacks.

    Attributes:
        network: gives the same scores as the original for every image.
        inverted: layer name to (c,) bool, the channels whose bits mean the opposite of the original's; only layers
            that have such channels. ``input`` stands for the encoded input.
    """

    network: Chain
    inverted: dict[str, NDArray[np.bool_]]


def finn_form(network: Chain) -> FinnForm:
    """Rewrite ``network`` so that FINN can hold it.

    Raises:
        GraphError: it cannot; the message names the layer and the reason.
    """
    encoding = _rising(network.input)
    is_falling = network.input.binary and not np.array_equal(encoding.table, network.input.table)
    flipped = np.full(network.input.shape[2], is_falling)  # channels of the current stream that mean the opposite
    inverted = {"input": flipped} if is_falling else {}
    layers: list[Layer] = []
    complement = 0  # what an accumulator of the last matrix and its inverted row's accumulator add up to
    for layer, input_shape, value_range in network.walk():
        _check_window(layer, input_shape)
        if isinstance(layer, MaxPoolLayer):
            if flipped.any():
                raise GraphError(f"layer {layer.name}: a max pool on a falling binary input would need a minimum")
            layers.append(layer)
            continue
        _check_exact(layer, value_range)
        if isinstance(layer, ConvLayer) and any(layer.padding):
            if value_range is not None:
                _check_integer_padding(layer)
            elif (wanted := (layer.pad_values == 1) ^ flipped).any():
                layers[-1:] = [_inverted_producer(layers[-1] if layers else None, layer, wanted, complement)]
                flipped = flipped ^ wanted
                inverted[layers[-1].name] = flipped
        layers.append(_expecting(layer, flipped))
        flipped = np.zeros(layer.mh, bool)
        complement = layer.mw if value_range is None else 0
    return FinnForm(Chain(encoding, tuple(layers)), inverted)


def _rising(encoding: Encode) -> Encode:
    """An encoding that FINN's threshold (or nothing) can compute: the same, or with every bit inverted."""
    table = encoding.shared_table("FINN's input unit")
    if not encoding.binary:
        if not np.array_equal(table, np.arange(256)):
            raise GraphError("input: FINN reads the pixel values 0..255 themselves, this network's table changes them")
        return encoding
    steps = np.diff(table)
    if (steps >= 0).all():
        return encoding
    if (steps <= 0).all():
        return Encode(encoding.shape, 1 - encoding.table, binary=True)
    raise GraphError("input: the table rises and falls; FINN's input unit compares a pixel with one threshold")


def _inverted_producer(
    producer: Layer | None, consumer: ConvLayer, wanted: NDArray[np.bool_], complement: int
) -> DenseLayer | ConvLayer:
    """The layer before ``consumer`` with its ``wanted`` channels inverted."""
    channel = int(np.flatnonzero(wanted)[0])
    reason = f"layer {consumer.name} channel {channel}: pads with bit 1 (+1), FINN pads with bit 0 (-1) only"
    if producer is None:
        raise GraphError(f"{reason}, and the input's threshold cannot be inverted; train with pad_value 0")
    if isinstance(producer, MaxPoolLayer):
        raise GraphError(f"{reason}, and the max pool {producer.name} before it cannot be inverted")
    assert producer.thresholds is not None
    bits = producer.weight_bits ^ wanted[:, None].astype(np.uint8)
    # The inverted row accumulates complement - acc, and NOT (acc >= T) is complement - acc >= complement - T + 1.
    thresholds = np.where(wanted, complement - producer.thresholds + 1, producer.thresholds)
    return replace(producer, weights=pack_bits(bits), thresholds=thresholds)


def _expecting(layer: DenseLayer | ConvLayer, flipped: NDArray[np.bool_]) -> Layer:
    """The layer with the weights of inverted inputs negated and no pad bits; mw runs over positions, then channels."""
    if isinstance(layer, ConvLayer):
        layer = replace(layer, pad_values=np.zeros_like(layer.pad_values))
    if not flipped.any():
        return layer
    columns = np.tile(flipped, layer.mw // len(flipped)).astype(np.uint8)
    return replace(layer, weights=pack_bits(layer.weight_bits ^ columns[None]))


def _check_integer_padding(layer: ConvLayer) -> None:
    if layer.pad_values.any():
        channel = int(np.flatnonzero(layer.pad_values)[0])
        raise GraphError(
            f"layer {layer.name} channel {channel}: pads integers with {layer.pad_values[channel]}, FINN pads with 0 "
            "only; train with pad_value 0 or without padding"
        )


def _check_exact(layer: MatrixLayer, value_range: tuple[int, int] | None) -> None:
    low, high = layer.accumulator_range(value_range)
    largest = max(abs(int(low.min())), abs(int(high.max()))) + 1
    if largest > EXACT_FLOAT32:
        raise GraphError(
            f"layer {layer.name}: accumulators reach {largest - 1}, FINN counts in float32, exact to {EXACT_FLOAT32}"
        )


def _check_window(layer: Layer, input_shape: Shape) -> None:
    if isinstance(layer, DenseLayer):
        return
    top, left, bottom, right = layer.padding
    if isinstance(layer, MaxPoolLayer):
        if layer.kernel[0] < layer.stride[0] or layer.kernel[1] < layer.stride[1]:
            raise GraphError(f"layer {layer.name}: stride {layer.stride} must not exceed kernel {layer.kernel} in FINN")
        if (top, left) != (bottom, right):
            raise GraphError(f"layer {layer.name}: padding {layer.padding} must be the same on opposite sides in FINN")
    for axis, (size, before, after) in enumerate(zip(input_shape[:2], (top, left), (bottom, right), strict=True)):
        if size == 1 and (layer.kernel[axis] != 1 or before or after):
            raise GraphError(
                f"layer {layer.name}: kernel {layer.kernel} and padding {layer.padding} on an image of "
                f"{input_shape[:2]}; where FINN's image has size 1 the kernel must have size 1, without padding"
            )
