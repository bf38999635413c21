"""What every node of a network has: a name, the values that it reads, and the value that it makes of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bnn.graph import Operation
from bnn.values import Bits, Integers, NetworkError, Value

_VALUES = {"shape", "lowest", "highest"}  # attributes that are the value's too


@dataclass(frozen=True, eq=False)
class Node(Operation, ABC):
    """One operation of a network, verified alone when made and against its inputs by ``output``.

    Attributes:
        needs: what it needs of its inputs, ``gives``: the value that it makes, ``meaning``: what every element of that
            value is. In words, for the table in the documentation.
    """

    needs: ClassVar[str]
    gives: ClassVar[str]
    meaning: ClassVar[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        for attribute in fields(self):
            value = getattr(self, attribute.name)
            if attribute.name not in {"name", "inputs"} and isinstance(value, int | float | np.number | tuple | list):
                object.__setattr__(self, attribute.name, _whole(value, f"{self.where}: {attribute.name}"))

    @abstractmethod
    def output(self, *values: Value) -> Value:
        """The value that the node makes of its inputs' values; NetworkError where they are not what it needs."""

    def attributes(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What the node is beside its name and inputs: attributes as JSON has them, and arrays; None is left out."""
        plain: dict[str, Any] = {}
        arrays: dict[str, NDArray[Any]] = {}
        for attribute in fields(self):
            value = getattr(self, attribute.name)
            if isinstance(value, np.ndarray):
                arrays[attribute.name] = value
            elif value is not None and attribute.name not in {"name", "inputs"}:
                plain[attribute.name] = list(value) if isinstance(value, tuple) else value
        return plain, arrays

    @property
    def details(self) -> str:
        """What it is beside its kind, in a few words: sizes that are not the usual, and the ranges of its arrays.

        What its value says as well, its shape and range, is left out.
        """
        usual = {attribute.name: attribute.default for attribute in fields(self)}
        plain, arrays = self.attributes()
        sizes = [
            _words(name) if value is True else f"{_words(name)} {_size(value)}"
            for name, value in plain.items()
            if name not in _VALUES and value is not False and value != _listed(usual[name])
        ]
        ranges = [
            f"{_words(name)} {_range(int(array.min()), int(array.max()))}"
            for name, array in arrays.items()
            if array.dtype != np.uint64 and array.size  # packed weights have no range
        ]
        return ", ".join(sizes + ranges)

    def bits(self, value: Value) -> Bits:
        """The input as bits; NetworkError where it has integers."""
        if not isinstance(value, Bits):
            raise NetworkError(f"{self.where}: needs bits, its input has {value}")
        return value

    def integers(self, value: Value) -> Integers:
        """The input as integers; NetworkError where it has bits."""
        if not isinstance(value, Integers):
            raise NetworkError(f"{self.where}: needs integers, its input has {value}")
        return value

    def one_a_channel(self, array: NDArray[Any], what: str, value: Value) -> None:
        """NetworkError unless ``array`` is (C,), one entry for every channel of the input."""
        if array.shape != (value.shape[2],):
            raise NetworkError(
                f"{self.where}: {what} has shape {array.shape}, must be one a channel of its input ({value.shape[2]},)"
            )


def _words(name: str) -> str:
    return name.replace("_", " ")


def _size(value: Any) -> str:
    """A number, or sizes as people write them: 3 for 3 x 3, else 3 x 2."""
    if not isinstance(value, list):
        return str(value)
    return str(value[0]) if len(set(value)) == 1 else " x ".join(map(str, value))


def _range(lowest: int, highest: int) -> str:
    return str(lowest) if lowest == highest else f"{lowest}..{highest}"


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _whole(value: Any, where: str) -> Any:
    """A whole number, truth value or tuple of these, in Python's own types; NetworkError where it is none."""
    if isinstance(value, tuple | list):
        return tuple(_whole(one, where) for one in value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if not isinstance(value, int | np.integer):
        raise NetworkError(f"{where} is {value!r}, must be a whole number")
    return int(value)
