"""The integer network: integers and bits only. All hardware is held to the answers that it defines.

Conventions, defined once, here:

- Bit 1 is +1, bit 0 is -1. Element 0 is the least significant bit of a packed word.
- Activations are (H, W, C), channel last; flattening runs over (y, x, c). A convolution's matrix width runs over
  (ky, kx, c_in).
- A layer with binary input counts P = popcount(xnor(x, w)) in 0..mw; its accumulator is P.
- A layer with integer input sums acc = sum of +-x; its accumulator is acc.
- A hidden layer's output bit is ``accumulator >= threshold``, one threshold a channel.
- The last layer has no thresholds. Its integer scores are 2 P - mw (binary input) or acc (integer input), or the entry
  of ``score_table`` for that accumulator; the predicted class is the highest score, ties go to the lower index.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bnn.encoding import BITS_PER_WORD, pack_bits, unpack_bits, word_count
from bnn.errors import UserError

Shape = tuple[int, int, int]  # (H, W, C)
Padding = tuple[int, int, int, int]  # (top, left, bottom, right)

NO_PADDING: Padding = (0, 0, 0, 0)
MAX_ACCUMULATOR = 2**31 - 1


class NetworkError(UserError):
    """A network that contradicts itself: the message names the layer, both quantities and the rule."""


def _frozen(array: Any, dtype: type[np.generic], where: str) -> NDArray[Any]:
    """A read-only copy in the contract's type; NetworkError where a value does not fit that type."""
    given = np.asarray(array)
    with np.errstate(invalid="ignore"):
        converted = given.astype(dtype)
    if not np.array_equal(converted, given):
        raise NetworkError(f"{where}: values do not fit {np.dtype(dtype).name}")
    converted.flags.writeable = False
    return converted


@dataclass(frozen=True, eq=False)
class InputEncoding:
    """What an 8-bit pixel becomes before the first layer: a bit, or an integer of at most 9 bits.

    Attributes:
        shape: (H, W, C) of the uint8 images.
        table: (256,) int16; entry p is what pixel value p becomes. Bits 0 and 1 when ``binary``. Where the channels
            differ, (C, 256), one row a channel; rows that are all alike are kept as one.
        binary: the entries are bits (meaning -1 and +1), not integers.
    """

    shape: Shape
    table: NDArray[np.int16]
    binary: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", _frozen(self.table, np.int16, "input: table"))
        _check_shape(self.shape, "input")
        if self.table.shape not in {(256,), (self.shape[2], 256)}:
            raise NetworkError(
                f"input: table has shape {self.table.shape}, must be (256,), one entry a pixel value, "
                f"or ({self.shape[2]}, 256), such a row a channel"
            )
        if self.table.ndim == 2 and (self.table == self.table[0]).all():  # one function has one hash
            object.__setattr__(self, "table", self.table[0])
        if self.binary and not np.isin(self.table, (0, 1)).all():
            raise NetworkError("input: a binary table may hold 0 and 1 only")
        if not self.binary and (self.table.min() < -256 or self.table.max() > 255):
            raise NetworkError("input: table entries must lie in -256..255")

    @classmethod
    def threshold(cls, shape: Shape, pixel: int) -> InputEncoding:
        """Binary input: bit = pixel value >= ``pixel`` (0..256)."""
        return cls(shape, (np.arange(256) >= pixel).astype(np.int16), binary=True)

    @classmethod
    def pixels(cls, shape: Shape) -> InputEncoding:
        """Integer input: the pixel values 0..255 themselves."""
        return cls(shape, np.arange(256, dtype=np.int16), binary=False)

    @property
    def per_channel(self) -> bool:
        """The channels differ: the table has a row for each."""
        return self.table.ndim == 2

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.int16]:
        """What (n, H, W, C) pixels become, of the same shape."""
        encoded: NDArray[np.int16] = (
            self.table[np.arange(self.shape[2]), images] if self.per_channel else self.table[images]
        )
        return encoded

    def shared_table(self, what: str) -> NDArray[np.int16]:
        """The (256,) table of all channels; NetworkError where they differ.

        Args:
            what: that reads it and holds one table only, for the message.
        """
        if self.per_channel:
            channel = int((self.table != self.table[0]).any(axis=1).argmax())
            raise NetworkError(
                f"input: channels 0 and {channel} have tables of their own, {what} has one for all channels; "
                "train with the same mean and std for all channels"
            )
        return self.table

    @property
    def range(self) -> tuple[int, int]:
        """Lowest and highest value that the table can give."""
        return int(self.table.min()), int(self.table.max())


@dataclass(frozen=True, eq=False)
class MatrixLayer:
    """What dense and convolutional layers share: a (mh, mw) matrix of bits and what becomes of its accumulators.

    Attributes:
        name: unique within the network; what errors, traces and reports call the layer.
        weights: (mh, ceil(mw / 64)) uint64, packed rows; bits above mw are 0.
        mw: matrix width, the number of inputs of one output.
        thresholds: (mh,) int32, or None for the last layer, which gives scores.
        score_table: (mh, accumulators) int32 or None; for accumulator a of channel c the score is
            ``score_table[c, a - a_min]``, with a_min 0 for binary input and that channel's lowest sum otherwise
            (rows are as long as the longest; entries past a channel's highest accumulator are 0 and never read).
            Only where 2 P - mw does not order the classes as the float logits do.
    """

    kind: ClassVar[str]

    name: str
    weights: NDArray[np.uint64]
    mw: int
    thresholds: NDArray[np.int32] | None
    score_table: NDArray[np.int32] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", _frozen(self.weights, np.uint64, f"layer {self.name}: weights"))
        for attribute in ("thresholds", "score_table"):
            value = getattr(self, attribute)
            if value is not None:
                object.__setattr__(self, attribute, _frozen(value, np.int32, f"layer {self.name}: {attribute}"))
        self._check_arrays()

    def _check_arrays(self) -> None:
        where = f"layer {self.name}"
        if self.weights.ndim != 2 or self.weights.shape[1] != word_count(self.mw) or self.mh < 1 or self.mw < 1:
            raise NetworkError(
                f"{where}: weights have shape {self.weights.shape}, must be (mh, {word_count(self.mw)}) "
                f"words for mw ({self.mw})"
            )
        if self.mw % BITS_PER_WORD and (self.weights[:, -1] >> np.uint64(self.mw % BITS_PER_WORD)).any():
            raise NetworkError(f"{where}: weight bits above mw ({self.mw}) must be 0")
        if self.thresholds is not None and self.thresholds.shape != (self.mh,):
            raise NetworkError(f"{where}: {self.thresholds.shape} thresholds, must be one a channel ({self.mh},)")
        if self.thresholds is not None and self.score_table is not None:
            raise NetworkError(f"{where}: has thresholds and a score table, must have one of them at the most")
        if self.score_table is not None and (self.score_table.ndim != 2 or self.score_table.shape[0] != self.mh):
            raise NetworkError(f"{where}: score table has shape {self.score_table.shape}, must be ({self.mh}, n)")

    @property
    def mh(self) -> int:
        """Matrix height: the number of outputs (channels)."""
        return int(self.weights.shape[0])

    @cached_property
    def weight_bits(self) -> NDArray[np.uint8]:
        """(mh, mw) bits."""
        return unpack_bits(self.weights, self.mw)

    def accumulator_range(self, value_range: tuple[int, int] | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Lowest and highest accumulator of every channel, each (mh,).

        Args:
            value_range: lowest and highest input integer; None for binary input, whose accumulator is a popcount.
        """
        if value_range is None:
            return np.zeros(self.mh, np.int64), np.full(self.mh, self.mw, np.int64)
        low, high = value_range
        plus = self.weight_bits.sum(axis=1, dtype=np.int64)  # inputs with weight +1
        minus = self.mw - plus
        return plus * low - minus * high, plus * high - minus * low


@dataclass(frozen=True, eq=False)
class DenseLayer(MatrixLayer):
    """Every output sees every input, flattened over (y, x, c)."""

    kind: ClassVar[str] = "dense"

    @classmethod
    def from_bits(
        cls,
        name: str,
        weight_bits: NDArray[np.generic],
        thresholds: NDArray[np.generic] | None,
        score_table: NDArray[np.generic] | None = None,
    ) -> DenseLayer:
        """Build from (mh, mw) bits instead of packed words."""
        return cls(name, pack_bits(weight_bits), int(weight_bits.shape[1]), thresholds, score_table=score_table)  # type: ignore[arg-type]

    def output_shape(self, input_shape: Shape) -> Shape:
        """(1, 1, mh); NetworkError where the input does not have mw elements."""
        if int(np.prod(input_shape)) != self.mw:
            raise NetworkError(
                f"layer {self.name}: mw ({self.mw}) must be the number of inputs, {input_shape} "
                f"has {int(np.prod(input_shape))}"
            )
        return (1, 1, self.mh)


@dataclass(frozen=True, eq=False)
class ConvLayer(MatrixLayer):
    """A two-dimensional convolution; its matrix width runs over (ky, kx, c_in).

    Attributes:
        kernel: (height, width).
        stride: (vertical, horizontal).
        padding: rows and columns added at (top, left, bottom, right).
        pad_values: (c_in,) int16, what a padded position reads as: a bit a channel for binary input (bipolar has
            no 0), an integer otherwise. All 0 where there is no padding.
    """

    kind: ClassVar[str] = "conv"

    kernel: tuple[int, int] = field(kw_only=True)
    stride: tuple[int, int] = field(default=(1, 1), kw_only=True)
    padding: Padding = field(default=NO_PADDING, kw_only=True)
    pad_values: NDArray[np.int16] = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "pad_values", _frozen(self.pad_values, np.int16, f"layer {self.name}: pad_values"))
        _check_window(self.name, self.kernel, self.stride, self.padding)
        if self.kernel[0] * self.kernel[1] * len(self.pad_values) != self.mw:
            raise NetworkError(
                f"layer {self.name}: mw ({self.mw}) must be kernel {self.kernel} times c_in ({len(self.pad_values)})"
            )
        if self.padding == NO_PADDING and self.pad_values.any():
            raise NetworkError(f"layer {self.name}: pad_values must be 0 where there is no padding")

    @property
    def c_in(self) -> int:
        """Input channels."""
        return len(self.pad_values)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(H_out, W_out, mh); NetworkError where channels or sizes do not fit."""
        if input_shape[2] != self.c_in:
            raise NetworkError(
                f"layer {self.name}: c_in ({self.c_in}) must be the number of input channels ({input_shape[2]})"
            )
        return (*_window_positions(self.name, input_shape, self.kernel, self.stride, self.padding), self.mh)


@dataclass(frozen=True, eq=False)
class MaxPoolLayer:
    """Maximum of bits, which is their OR, in each window; padded positions read as bit 0, which changes nothing.

    Attributes:
        inverted: (c,) bool; channels whose bits mean the opposite of what the trained model computes, because the
            pool stood before a falling activation. The consumer's weights already account for it; only a comparison
            with the model needs to know. None where no channel is.
    """

    kind: ClassVar[str] = "maxpool"

    name: str
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding = NO_PADDING
    inverted: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        _check_window(self.name, self.kernel, self.stride, self.padding)
        if self.inverted is not None:
            object.__setattr__(self, "inverted", _frozen(self.inverted, np.bool_, f"layer {self.name}: inverted"))

    def output_shape(self, input_shape: Shape) -> Shape:
        """(H_out, W_out, C); NetworkError where the window is larger than the image."""
        if self.inverted is not None and self.inverted.shape != (input_shape[2],):
            raise NetworkError(
                f"layer {self.name}: inverted has shape {self.inverted.shape}, must be ({input_shape[2]},)"
            )
        return (*_window_positions(self.name, input_shape, self.kernel, self.stride, self.padding), input_shape[2])


Layer = DenseLayer | ConvLayer | MaxPoolLayer


def _check_shape(shape: Shape, where: str) -> None:
    if len(shape) != 3 or any(size < 1 for size in shape):
        raise NetworkError(f"{where}: shape {shape} must be (H, W, C), each at least 1")


def _check_window(name: str, kernel: tuple[int, int], stride: tuple[int, int], padding: Padding) -> None:
    if min(*kernel, *stride) < 1 or min(padding) < 0:
        raise NetworkError(
            f"layer {name}: kernel {kernel} and stride {stride} must be at least 1, padding {padding} at least 0"
        )
    if max(padding[0], padding[2]) >= kernel[0] or max(padding[1], padding[3]) >= kernel[1]:
        raise NetworkError(f"layer {name}: padding {padding} must be smaller than the kernel {kernel}")


def _window_positions(
    name: str, shape: Shape, kernel: tuple[int, int], stride: tuple[int, int], padding: Padding
) -> tuple[int, int]:
    padded = (shape[0] + padding[0] + padding[2], shape[1] + padding[1] + padding[3])
    if padded[0] < kernel[0] or padded[1] < kernel[1]:
        raise NetworkError(f"layer {name}: kernel {kernel} is larger than its padded input {padded}")
    return (padded[0] - kernel[0]) // stride[0] + 1, (padded[1] - kernel[1]) // stride[1] + 1


@dataclass(frozen=True, eq=False)
class Network:
    """An input encoding and its layers, verified when made. Two networks are the same when their hashes are.

    Attributes:
        input: what a pixel becomes.
        layers: at least one; the last is dense or a convolution to 1 x 1, without thresholds.
    """

    input: InputEncoding
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        self.verify()

    def verify(self) -> None:
        """Raise NetworkError at the first thing that contradicts the contract."""
        if not self.layers:
            raise NetworkError("network: has no layers, needs at least one")
        names = [layer.name for layer in self.layers]
        for name in names:
            if not name or names.count(name) > 1 or name == "input":
                raise NetworkError(f"network: layer name {name!r} must be unique, not empty and not 'input'")
        for index, (layer, input_shape, value_range) in enumerate(self.walk()):
            output_shape = layer.output_shape(input_shape)
            if isinstance(layer, MaxPoolLayer):
                if value_range is not None:
                    raise NetworkError(f"layer {layer.name}: a max pool needs binary input, this one has integers")
                if index == len(self.layers) - 1:
                    raise NetworkError(f"layer {layer.name}: the last layer must be dense or conv, not a max pool")
                continue
            self._verify_matrix(layer, index, value_range)
            if layer.thresholds is None and output_shape[:2] != (1, 1):
                raise NetworkError(f"layer {layer.name}: scores need a 1 x 1 output, this one has {output_shape}")

    def _verify_matrix(self, layer: MatrixLayer, index: int, value_range: tuple[int, int] | None) -> None:
        where = f"layer {layer.name}"
        is_last = index == len(self.layers) - 1
        if (layer.thresholds is None) != is_last:
            raise NetworkError(f"{where}: exactly the last layer must have no thresholds")
        low, high = layer.accumulator_range(value_range)
        if max(abs(int(low.min())), abs(int(high.max()))) >= MAX_ACCUMULATOR:
            raise NetworkError(f"{where}: accumulators reach {int(high.max())}, must fit 32 bits")
        if layer.thresholds is not None and ((layer.thresholds < low) | (layer.thresholds > high + 1)).any():
            channel = int(np.argmax((layer.thresholds < low) | (layer.thresholds > high + 1)))
            raise NetworkError(
                f"{where} channel {channel}: threshold {layer.thresholds[channel]} must lie in "
                f"{low[channel]}..{high[channel] + 1}"
            )
        if layer.score_table is not None and layer.score_table.shape[1] != int((high - low).max()) + 1:
            raise NetworkError(
                f"{where}: score table has {layer.score_table.shape[1]} columns, must have one an accumulator "
                f"({int((high - low).max()) + 1})"
            )
        if isinstance(layer, ConvLayer):
            pad_low, pad_high = (0, 1) if value_range is None else (min(value_range[0], 0), max(value_range[1], 0))
            if layer.pad_values.min() < pad_low or layer.pad_values.max() > pad_high:
                raise NetworkError(f"{where}: pad_values must lie in {pad_low}..{pad_high}")

    def walk(self) -> Iterator[tuple[Layer, Shape, tuple[int, int] | None]]:
        """Every layer with its input shape (H, W, C) and, where its input is not binary, that input's value range.

        The range includes a convolution's padding.
        """
        shape = self.input.shape
        value_range = None if self.input.binary else self.input.range
        for layer in self.layers:
            if isinstance(layer, ConvLayer) and value_range is not None and layer.padding != NO_PADDING:
                pads = layer.pad_values
                value_range = (min(value_range[0], int(pads.min())), max(value_range[1], int(pads.max())))
            yield layer, shape, value_range
            shape = layer.output_shape(shape)
            value_range = None

    @property
    def classes(self) -> int:
        """Number of scores."""
        last = self.layers[-1]
        assert isinstance(last, MatrixLayer)
        return last.mh

    @property
    def weight_bits(self) -> int:
        """Number of weights, each of which is one bit."""
        return sum(layer.mh * layer.mw for layer in self.layers if isinstance(layer, MatrixLayer))

    @cached_property
    def hash(self) -> str:
        """SHA-256 over everything that the network is, as 64 hexadecimal digits."""
        digest = hashlib.sha256()
        header, arrays = self.describe()
        digest.update(json.dumps(header, sort_keys=True, separators=(",", ":")).encode())
        for key in sorted(arrays):
            array = arrays[key]
            little_endian = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
            digest.update(f"{key}:{array.dtype.name}:{array.shape}".encode())
            digest.update(little_endian.tobytes())
        return digest.hexdigest()

    def describe(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The network as a JSON value and the arrays that it refers to, keyed ``INDEX.ATTRIBUTE``."""
        arrays: dict[str, NDArray[Any]] = {"input.table": self.input.table}
        described_layers = []
        for index, layer in enumerate(self.layers):
            described: dict[str, Any] = {"kind": layer.kind}
            for attribute in fields(layer):
                value = getattr(layer, attribute.name)
                if isinstance(value, np.ndarray):
                    arrays[f"{index}.{attribute.name}"] = value
                elif value is not None:
                    described[attribute.name] = list(value) if isinstance(value, tuple) else value
            described_layers.append(described)
        header = {"input": {"shape": list(self.input.shape), "binary": self.input.binary}, "layers": described_layers}
        return header, arrays
