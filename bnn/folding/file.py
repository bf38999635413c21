"""Folding files: a folding, and with it what it was folded for and the buffers that its design needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from bnn.chain import Chain
from bnn.files import write_json
from bnn.folding.folding import Folding, FoldingError, LayerFolding, LoopOrder
from bnn.readers import door, read_json

FOLDING_FOLDER = Path(__file__).parents[1] / "foldings"
AGAIN = "run `askew fold` again"
FORMER_ORDERS = {"replay": LoopOrder.OUTPUT_MAJOR, "accumulate": LoopOrder.INPUT_MAJOR}
"""Other words for the loop orders, which files written before these had one each still hold."""

_Value = TypeVar("_Value")


class Goal(Enum):
    """What a folding was chosen for."""

    TARGET_FPS = "target-fps"
    """A frame rate in the fewest LUTs."""
    MAX_FPS = "max-fps"
    """The highest frame rate."""
    LATENCY = "latency"
    """The least latency of one frame."""
    GIVEN = "given"
    """It was given, and only checked."""


MAX_LEVELS = 1 << 16
"""Of logic between two registers: more than any design has."""


@dataclass(frozen=True)
class FoldingFile:
    """What a folding file holds; all but the folding is None where the file does not say.

    Attributes:
        folding: PE, SIMD and loop order of every matrix.
        buffers: unit name to the beats that its buffer holds. Whether they serve is not known here
            (``hw.cycles.checked_buffers`` knows).
        popcount: how the matrices count bits: a name of ``hw.units.PopcountStyle``, in lower case.
        board: name of the board that it was folded for.
        clock_mhz: the clock that its frames a second are for.
        goal: what it was chosen for.
        target_fps: the frame rate asked for, where that was the goal.
        utilization: share of the board that the design was allowed.
        logic_levels: how much logic may stand between two registers, as ``hw.units.Pipeline`` counts it.
    """

    folding: Folding
    buffers: Mapping[str, int] | None = None
    popcount: str | None = None
    board: str | None = None
    clock_mhz: float | None = None
    goal: Goal | None = None
    target_fps: float | None = None
    utilization: float | None = None
    logic_levels: int | None = None


def save_folding(folding: Folding, network: Chain, path: Path) -> None:
    """Write a folding alone, atomically."""
    write_json(path, folding.describe(network))


def shipped_foldings() -> list[str]:
    """Names of the foldings that are shipped."""
    return sorted(path.stem for path in FOLDING_FOLDER.glob("*.json"))


def load_folding(path: Path | str, network: Chain) -> Folding:
    """The folding of a folding file alone, whatever else it holds; paths and errors as of ``load_folded``."""
    return _read(path, network)[1]


def load_folded(path: Path | str, network: Chain) -> FoldingFile:
    """Read a folding file, or a shipped folding by its name (``finn-tfc``, ``finn-cnv``), and verify the folding.

    A file that carries a network hash is for that network alone; the shipped ones carry none and fit by layer names.

    Raises:
        FoldingError: no such file, damaged, made for another network, or it does not fit.
    """
    described, folding, where = _read(path, network)

    def value(key: str, kind: str, read: Callable[[Any], _Value | None]) -> _Value | None:
        if described.get(key) is None:
            return None
        found = read(described[key])
        if found is None:
            raise FoldingError(f"{where}: {key} ({described[key]!r}) must be {kind}; {AGAIN}")
        return found

    goals = {goal.value: goal for goal in Goal}
    return FoldingFile(
        folding,
        value("buffers", "a table of unit names and whole numbers of at least 0", _beats),
        value("popcount", "a name", _name),
        value("board", "a name", _name),
        value("clock_mhz", "a number above 0", _positive),
        value("goal", f"one of {', '.join(goals)}", lambda name: goals.get(name) if isinstance(name, str) else None),
        value("target_fps", "a number above 0", _positive),
        value("utilization", "a number above 0", _positive),
        value("logic_levels", "a whole number above 0", _count),
    )


def _read(path: Path | str, network: Chain) -> tuple[dict[str, Any], Folding, str]:
    """The file's contents, its folding, and how messages name it."""
    file = Path(path)
    if not file.suffix and not file.exists():
        if str(path) not in shipped_foldings():
            raise FoldingError(f"folding {str(path)!r}: no such file; shipped: {', '.join(shipped_foldings())}")
        file = FOLDING_FOLDER / f"{path}.json"
    where = f"folding file {file}"
    try:
        with door(where, "not a folding file", "make it with `askew fold`", FoldingError):
            described = dict(read_json(file, "make it with `askew fold`"))
            network_hash, layers = described.get("network_hash"), dict(described["layers"])
    except FileNotFoundError as error:
        raise FoldingError(f"{where}: does not exist") from error
    except OSError as error:
        raise FoldingError(f"{where}: cannot be read ({error.strerror})") from error
    if network_hash is not None and network_hash != network.hash:
        raise FoldingError(
            f"{where}: made for network {str(network_hash)[:12]}, this network is {network.hash[:12]}; fold it again"
        )
    folding = {name: _read_layer(f"{where}: layer {name}", entry) for name, entry in layers.items()}
    return described, Folding.of(network, folding), where


def _read_layer(where: str, entry: Any) -> LayerFolding:
    if not isinstance(entry, dict):
        raise FoldingError(f"{where}: must be a table with pe and simd")
    values = []
    for key in ("pe", "simd"):
        value = entry.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise FoldingError(f"{where}: {key} ({value!r}) must be a whole number of at least 1")
        values.append(value)
    orders = {order.value: order for order in LoopOrder}
    order = entry.get("order", LoopOrder.OUTPUT_MAJOR.value)
    if not isinstance(order, str) or order not in orders | FORMER_ORDERS:
        raise FoldingError(f"{where}: order ({order!r}) must be one of {', '.join(orders)}")
    return LayerFolding(values[0], values[1], (orders | FORMER_ORDERS)[order])


def _beats(value: Any) -> Mapping[str, int] | None:
    if not isinstance(value, dict):
        return None
    whole = all(isinstance(beats, int) and not isinstance(beats, bool) and beats >= 0 for beats in value.values())
    return MappingProxyType(dict(value)) if whole else None


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _positive(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < math.inf else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_LEVELS else None
