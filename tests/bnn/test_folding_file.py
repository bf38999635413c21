"""What a folding file holds beside its folding. Oracle: the JSON text itself, as Python's json writes and reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnn import Chain, DenseLayer, Encode
from bnn.folding import FoldingError, Goal, LoopOrder, load_folded, load_folding, save_folding

Write = Callable[..., Path]
LAYERS = {"fc1": {"pe": 2, "simd": 4}, "fc2": {"pe": 1, "simd": 2, "order": "input-major"}}


@pytest.fixture(scope="module")
def network() -> Chain:
    rng = np.random.default_rng(0)
    layers = (
        DenseLayer.from_bits("fc1", rng.integers(0, 2, (8, 16)), rng.integers(5, 12, 8)),
        DenseLayer.from_bits("fc2", rng.integers(0, 2, (4, 8)), None),
    )
    return Chain(Encode.threshold((4, 4, 1), 100), layers)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def one(**keys: Any) -> Path:
        (tmp_path / "folding.json").write_text(json.dumps({"layers": LAYERS} | keys))
        return tmp_path / "folding.json"

    return one


def test_a_folding_alone_says_nothing_else(network: Chain, write: Write) -> None:
    file = load_folded(write(), network)
    assert file.folding == load_folding(write(), network)
    assert (file.buffers, file.popcount, file.board, file.clock_mhz) == (None, None, None, None)
    assert (file.goal, file.target_fps, file.utilization) == (None, None, None)


def test_what_it_was_folded_for_is_read(network: Chain, write: Write) -> None:
    keys = {"buffers": {"fc1_fifo": 0, "fc1_matrix": 9}, "popcount": "primitives", "board": "Pynq-Z2"}
    path = write(**keys, clock_mhz=150, goal="target-fps", target_fps=1000.5, utilization=0.7)
    file = load_folded(path, network)
    assert file.buffers == keys["buffers"]
    assert (file.popcount, file.board, file.clock_mhz) == ("primitives", "Pynq-Z2", 150.0)
    assert (file.goal, file.target_fps, file.utilization) == (Goal.TARGET_FPS, 1000.5, 0.7)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"buffers": [1]}, r"buffers \(\[1\]\) must be a table of unit names and whole numbers of at least 0"),
        ({"buffers": {"fc1_fifo": -1}}, "must be a table of unit names"),
        ({"buffers": {"fc1_fifo": True}}, "must be a table of unit names"),
        ({"buffers": {"fc1_fifo": 1.5}}, "must be a table of unit names"),
        ({"popcount": 3}, r"popcount \(3\) must be a name"),
        ({"clock_mhz": 0}, r"clock_mhz \(0\) must be a number above 0; run `askew fold` again"),
        ({"clock_mhz": True}, r"clock_mhz \(True\) must be a number above 0"),
        ({"goal": "speed"}, r"goal \('speed'\) must be one of target-fps, max-fps, latency, given"),
        ({"goal": ["max-fps"]}, "must be one of target-fps"),
        ({"utilization": "all"}, r"utilization \('all'\) must be a number above 0"),
    ],
)
def test_what_cannot_be_is_one_line(network: Chain, write: Write, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(FoldingError, match=message) as raised:
        load_folded(write(**keys), network)
    assert "\n" not in str(raised.value)
    assert load_folding(write(**keys), network).layers  # the folding itself is whole


@pytest.mark.parametrize(
    ("word", "order"),
    [
        ("replay", LoopOrder.OUTPUT_MAJOR),
        ("accumulate", LoopOrder.INPUT_MAJOR),
        ("output-major", LoopOrder.OUTPUT_MAJOR),
        ("input-major", LoopOrder.INPUT_MAJOR),
    ],
)
def test_both_words_for_a_loop_order_are_read_and_the_new_one_is_written(
    network: Chain, write: Write, tmp_path: Path, word: str, order: LoopOrder
) -> None:
    layers = {name: layer | {"order": word} for name, layer in LAYERS.items()}
    folding = load_folding(write(layers=layers), network)
    assert {layer.order for layer in folding.layers.values()} == {order}
    save_folding(folding, network, tmp_path / "again.json")
    written = json.loads((tmp_path / "again.json").read_text())["layers"]
    assert {layer["order"] for layer in written.values()} == {order.name.lower().replace("_", "-")}
