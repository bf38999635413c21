"""The end of a network: the tensor whose order counts as the model's logits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnn.stage import Concatenate, Logits, ModelGraph
from onnx_export.importer.building import Building
from onnx_export.importer.rounding import near_ties
from onnx_export.importer.signal import Numbers, Signal


def finished(building: Building, notes: list[str], signal: Signal) -> ModelGraph:
    """The whole model, whose logits are this tensor; notes come to ``notes``."""
    layout = signal.layout
    if layout.shape[:2] != (1, 1):
        raise signal.value.node.refuse(
            f"the last layer gives {layout.shape}, must be one value a class; a binary network ends in a "
            "dense layer, a convolution to 1 x 1, or a global average pool"
        )
    signal = building.as_integers(signal)
    order = layout.places.reshape(-1)
    _note_ties(building, signal)
    if building.rounded:
        where = ", ".join(building.rounded)
        notes.append(
            f"{where} within float rounding: here sums are exact, so the file executed in float may differ there"
        )
    if len(order) == 1:
        notes.append("one logit: class 1 where it is above 0, else class 0; the scores are of 0 and of it")
    last = _last(building, signal, order)
    return ModelGraph(building.read_by(last))


def _note_ties(building: Building, signal: Signal) -> None:
    base = signal.value
    if base.error.any() and base.reach is not None:
        alone = base.channels == 1
        count = near_ties(signal.at, base.reach, base.error, with_zero=alone)
        if count:
            building.rounded.append(f"{count} of {base.channels} logits of layer {base.name} can tie")


def _last(building: Building, signal: Signal, order: NDArray[np.int64]) -> Logits:
    """The logits; channel ``order[i]`` is class i. One alone is that of class 1, and class 0 has the logit 0."""
    base, is_alone = signal.value, len(order) == 1
    name = base.name
    if not is_alone:

        def epilogue(numbers: Numbers) -> Numbers:
            in_file = np.empty_like(numbers)
            in_file[:, order] = numbers
            return signal.at(in_file)[:, order]

        if (order == np.arange(len(order))).all():
            source = base.emit()
        elif base.ordered is not None:
            source = base.ordered(order).emit()
        else:
            raise base.node.refuse("its channels become classes in another order; export the model without that")
        return Logits(building.unique(name), (source,), epilogue)

    def zero_and_logit(numbers: Numbers) -> Numbers:
        logits = signal.at(np.ascontiguousarray(numbers[:, 1:]))
        return np.concatenate([np.zeros_like(logits), logits], axis=1)

    if base.ordered is not None:
        source = base.ordered(np.zeros(2, np.int64)).emit()
    else:
        twice = Concatenate(building.unique(f"{name}.twice"), (base.emit(), base.emit()))
        source = building.add(twice)
    return Logits(building.unique(name), (source,), zero_and_logit)
