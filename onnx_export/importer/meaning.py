"""What a pixel value is when it enters a file's graph: as the user says, as the file says, or as is usual."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qonnx.core.datatype import BaseDataType, resolve_datatype

from bnn.errors import UserError
from onnx_export.importer.graph import Graph, ImportRefusedError
from onnx_export.metadata import INPUT_SCALE_KEY
from onnx_export.pixel_meaning import UNIT_SCALE, Number, Numbers, PixelMeaning, parse_number, parse_numbers

_TYPE = re.compile(r"BINARY|BIPOLAR|TERNARY|U?INT[1-9]\d?|FIXED<\d{1,2},-?\d{1,2}>")
_FLOATS = {None, "FLOAT32", "FLOAT16"}  # that say nothing
WAY_ON = "say what a pixel value is with --input-scale, --input-mean and --input-std"


@dataclass(frozen=True, eq=False)
class Entering:
    """The pixel values as the file's input.

    Attributes:
        meaning: what the pixel values are.
        values: (256, channels of the meaning) float32.
        held: likewise, bool: the file's annotated type holds the value. Where it does not, ``values`` has the nearest
            that it does hold, and no image may have that pixel.
        type_name: the annotated type; None where there is none.
        note: where the meaning is an assumption.
    """

    meaning: PixelMeaning
    values: NDArray[np.float32]
    held: NDArray[np.bool_]
    type_name: str | None
    note: str | None

    def check(self, images: NDArray[np.uint8]) -> None:
        """UserError where one of the (n, H, W, C) images has a pixel that the file's input type does not hold."""
        channels = np.arange(images.shape[-1]) % self.held.shape[1]
        if self.held.all() or self.held[images, channels].all():
            return
        place = tuple(np.argwhere(~self.held[images, channels])[0])
        pixel, channel = int(images[place]), int(channels[place[-1]])
        value = float(self.meaning.values()[pixel, channel])
        raise UserError(
            f"images: pixel value {pixel} of image {place[0]} is {value:g} as the file's input, which is of type "
            f"{self.type_name} and does not hold that; give other images, or {WAY_ON}"
        )


def find_meaning(graph: Graph, scale: Number | None, mean: Numbers | None, std: Numbers | None) -> Entering:
    """What pixel values are, and what the file's input can hold of it.

    Raises:
        UserError: numbers that are none, or contradict the file.
    """
    meaning, note = _meaning(graph, scale, mean, std)
    values = meaning.values()
    if not np.isfinite(values).all():
        raise ImportRefusedError(f"input {graph.input}: its values are not finite; {WAY_ON}")
    name = "UINT8" if graph.input_is_uint8 else graph.input_annotation
    if name in _FLOATS:
        return Entering(meaning, values, np.ones(values.shape, bool), None, note)
    kind = _type(graph, name)
    held = np.array([[bool(kind.allowed(value)) for value in row] for row in values])
    if not held.any(axis=0).all():
        raise ImportRefusedError(
            f"input {graph.input}: of type {name}, which holds no pixel value as it is given; {WAY_ON}"
        )
    for column, allowed in zip(values.T, held.T, strict=True):
        kept = column[allowed]
        column[:] = kept[np.abs(column[:, None] - kept).argmin(axis=1)]
    return Entering(meaning, values, held, name, note)


def _meaning(
    graph: Graph, scale: Number | None, mean: Numbers | None, std: Numbers | None
) -> tuple[PixelMeaning, str | None]:
    said = None if scale is None else parse_number("scale", scale)
    if said is None and INPUT_SCALE_KEY in graph.metadata:
        try:
            said = PixelMeaning(parse_number("scale", graph.metadata[INPUT_SCALE_KEY])).scale
        except (UserError, OverflowError):
            raise ImportRefusedError(
                f"metadata {INPUT_SCALE_KEY} is {graph.metadata[INPUT_SCALE_KEY]!r}, must be a number above 0"
            ) from None
    if mean is not None or std is not None:
        means, stds = (
            parse_numbers("mean", 0 if mean is None else mean),
            parse_numbers("std", 1 if std is None else std),
        )
        return PixelMeaning(UNIT_SCALE if said is None else said, means, stds), None
    if said is not None:
        return PixelMeaning(said), None
    if graph.input_is_uint8 or _is_unsigned(graph) or _divides_pixels(graph):
        return PixelMeaning(parse_number("scale", 1)), None
    note = "pixels are taken as 0..1 (input scale 1/255); give another with --input-scale, or --input-mean, --input-std"
    return PixelMeaning(UNIT_SCALE), note


def _is_unsigned(graph: Graph) -> bool:
    """The input is annotated with whole numbers from 0 on, which pixel values can be as they are.

    Raises:
        ImportRefusedError: annotated with numbers that they can not.
    """
    name = graph.input_annotation
    if name in _FLOATS:
        return False
    kind = _type(graph, name)
    if not kind.is_integer() or kind.min() < 0:
        example = "; --input-mean 0.5 --input-std 0.5 makes -1 and 1 of 0 and 255" if kind.min() == -1 else ""
        raise ImportRefusedError(
            f"input {graph.input}: annotated as {name}, which is no pixel value 0..255 as it stands; {WAY_ON}{example}"
        )
    return True


def _type(graph: Graph, name: str | None) -> BaseDataType:
    if name is None or not _TYPE.fullmatch(name):
        raise ImportRefusedError(
            f"input {graph.input}: annotated as {name!r}, which no pixel value is; quantize the input in the graph"
        )
    return resolve_datatype(name)


def _divides_pixels(graph: Graph) -> bool:
    """The first node brings 0..255 to 0..1 by itself."""
    first = next((node for node in graph.nodes if graph.input in node.inputs), None)
    constants = [graph.constants[tensor] for tensor in first.inputs if tensor in graph.constants] if first else []
    if first is None or len(constants) != 1 or constants[0].size != 1:
        return False
    value = float(constants[0].reshape(-1)[0])
    return (first.op == "Div" and value in {255.0, 256.0}) or (first.op == "Mul" and 0 < value < 1 / 128)
