"""How FINN's driver packs frames and answers, read from the driver that FINN writes beside a bitfile."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.errors import UserError
from bnn.readers import read_json, read_text

_INTEGER = re.compile(r"(?P<sign>U?)INT(?P<bits>\d+)")


@dataclass(frozen=True)
class Interface:
    """What goes in and comes out for one frame, as FINN's driver settings say.

    Attributes:
        input_bytes: one byte a pixel, in the order (y, x, c).
        output_values: numbers given for one frame.
        output_bits: bits of each.
        output_signed: whether they are in two's complement.
        output_width: numbers packed together into whole bytes.
        input_dma: the engine's name in the bitfile.
        output_dma: the engine's name in the bitfile.
    """

    input_bytes: int
    output_values: int
    output_bits: int
    output_signed: bool
    output_width: int
    input_dma: str
    output_dma: str

    @property
    def output_bytes(self) -> int:
        """Bytes written for one frame."""
        return self.output_values // self.output_width * (-(-self.output_width * self.output_bits // 8))

    def unpack(self, packed: NDArray[np.uint8]) -> NDArray[np.int64]:
        """(n, output_bytes) as written to memory to (n, output_values); element 0 of each group is lowest."""
        groups = packed.reshape(len(packed), self.output_values // self.output_width, -1)
        bits = np.unpackbits(groups, axis=2, bitorder="little", count=self.output_width * self.output_bits)
        bits = bits.reshape(len(packed), self.output_values, self.output_bits).astype(np.int64)
        values: NDArray[np.int64] = bits @ (np.int64(1) << np.arange(self.output_bits, dtype=np.int64))
        if self.output_signed:
            values -= (values >> (self.output_bits - 1)) << self.output_bits
        return values


def read_interface(driver: Path, error_type: type[UserError] = UserError) -> dict[str, Any]:
    """How FINN's driver packs one frame: the arguments of ``Interface``.

    finn-plus writes it into ``settings.json``, FINN into a dictionary in ``driver.py``.

    Args:
        driver: the folder ``driver`` of FINN's output.
        error_type: of the error.

    Raises:
        error_type: neither is there, or it describes something else than one image in and one answer out.
    """
    plus = driver / "settings.json"
    shapes = _plus_shapes(plus, error_type) if plus.exists() else _original_shapes(driver, error_type)
    try:
        output = _INTEGER.fullmatch(_only(shapes["odt"]))
        input_type, folded = _only(shapes["idt"]), list(_only(shapes["oshape_folded"]))
        if output is None or input_type != "UINT8":
            raise ValueError(f"it takes {input_type} and gives {_only(shapes['odt'])}")
        return {
            "input_bytes": int(np.prod(_only(shapes["ishape_normal"]))),
            "output_values": int(np.prod(folded)),
            "output_bits": int(output["bits"]),
            "output_signed": not output["sign"],
            "output_width": int(folded[-1]),
            "input_dma": _only(shapes.get("idma_names") or shapes["input_dma_name"]),
            "output_dma": _only(shapes.get("odma_names") or shapes["output_dma_name"]),
        }
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise error_type(f"{driver}: not a driver that this program knows ({error!r})") from error


def _only(values: Any) -> Any:
    """The one entry of a list of one; FINN lists what an accelerator may have several of."""
    if not isinstance(values, list | tuple) or len(values) != 1:
        raise ValueError(f"one input and one output are expected, not {values}")
    return _name(values[0])


def _name(value: Any) -> Any:
    """The bare name of a type that was written ``DataType['UINT8']``."""
    if isinstance(value, str) and (match := re.fullmatch(r"'?(?:DataType\[)?'?(\w+?)'?\]?'?", value)):
        return match[1]
    return value


def _plus_shapes(file: Path, error_type: type[UserError]) -> Mapping[str, Any]:
    information = read_json(file, "build again", error_type).get("driver_information")
    shapes = information.get("io_shape_dict") if isinstance(information, dict) else None
    if not isinstance(shapes, dict):
        raise error_type(f"{file}: has no io_shape_dict; build again")
    return shapes


def _original_shapes(driver: Path, error_type: type[UserError]) -> Mapping[str, Any]:
    file = driver / "driver.py"
    if not file.exists():
        raise error_type(f"{driver}: has neither settings.json nor driver.py; build again")
    try:
        for node in ast.walk(ast.parse(read_text(file, error_type=error_type))):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
                if "io_shape_dict" in names:
                    return _literal(node.value)
    except (SyntaxError, ValueError) as error:
        raise error_type(f"{file}: not a driver that this program knows ({error})") from error
    raise error_type(f"{file}: has no io_shape_dict; build again")


def _literal(dictionary: ast.Dict) -> dict[str, Any]:
    """A dictionary of literals in which ``DataType['X']`` stands for ``'X'``."""

    class Plain(ast.NodeTransformer):
        def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
            return node.slice

    return dict(ast.literal_eval(ast.fix_missing_locations(Plain().visit(dictionary))))
