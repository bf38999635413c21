"""What a tensor's operators come to: bits of two levels, straight lines, multiples of a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np

from bnn.stage import Epilogue
from bnn.values import Shape
from onnx_export.importer.graph import Node
from onnx_export.importer.levels import Bits
from onnx_export.importer.line import Line
from onnx_export.importer.signal import Base, Numbers, Signal, Steps

KEEP_STEPS = {"Relu", "Clip", "Max", "Min", "Identity"}  # of multiples of a step that includes 0


def bits_of(name: str, node: Node, shape: Shape, emit: Callable[[], str], levels: Bits) -> Base:
    """Bits of two levels."""
    low, high = np.float32(levels.low), np.float32(levels.high)

    def floats(numbers: Numbers) -> Numbers:
        return np.where(numbers > 0, high, low)

    return Base(name, node, shape, emit, floats, None, np.zeros(shape[2]), levels=levels)


def exactly(steps: Steps) -> Callable[[Numbers], Numbers]:
    """``Base.floats`` of exact values, rounded to float32 once."""
    return lambda numbers: steps.at(numbers).astype(np.float32)


def mean_of(steps: Steps, area: int) -> Callable[[Numbers], Numbers]:
    """``Base.floats`` of the sums of windows: exact, then divided in float32 as onnxruntime does."""
    total = exactly(steps)
    return total if area == 1 else lambda numbers: total(numbers) / np.float32(area)


def sign_epilogue(signal: Signal, levels: Bits) -> Epilogue:
    """Whether the tensor has the higher of two levels; refused, once it is evaluated, where it has another value."""
    base = signal.value
    signs = np.ones(base.channels, np.float32) if base.signs is None else base.signs

    def epilogue(numbers: Numbers) -> Numbers:
        values = signal.at(numbers)
        high, low = values == np.float32(levels.high), values == np.float32(levels.low)
        if not (high | low).all():
            row, channel = np.argwhere(~(high | low))[0]
            is_sign = values[row, channel] == 0 and any(operator.node.op == "Sign" for operator in signal.operators)
            advice = "; use x >= 0, or sign(sign(x) + 0.1), so that 0 counts as +1" if is_sign else ""
            raise signal.last_node.refuse(
                f"layer {base.name} channel {channel} gives {values[row, channel]:g} at accumulator "
                f"{numbers[row, channel] * signs[channel]:g}, besides {levels.low:g} and {levels.high:g}; "
                f"only activations of 1 bit can become bits{advice}"
            )
        return np.where(high, np.float32(1), np.float32(-1))

    return epilogue


def lines_of(signal: Signal) -> Base | None:
    """``Building.on_lines`` of a tensor that operators have acted on."""
    base, steps = signal.value, signal.value.steps
    assert steps is not None
    line = Line()
    for operator in signal.operators:
        if operator.line is None:
            return None
        line = line.then(operator.line)
    if not all(line.slope):
        return None
    count = max(len(line.slope), len(steps.step), len(steps.shift))
    own = [Fraction(float(steps.step[c % len(steps.step)])) * line.slope[c % len(line.slope)] for c in range(count)]
    shift = [steps.shift[c % len(steps.shift)] + line.offset[c % len(line.offset)] / own[c] for c in range(count)]
    found = Steps(np.array([float(step) for step in own]), tuple(shift))
    factor = np.abs(np.array([float(slope) for slope in line.slope]))
    return replace(
        base, floats=signal.at, steps=found, error=base.error * factor, turned=None, ordered=None, pixels=None
    )


def step_of(signal: Signal) -> float | None:
    """The step of the last quantizer, times what it was multiplied with since."""
    factor = 1.0
    for operator in reversed(signal.operators):
        if operator.step is not None:
            return operator.step * factor
        if operator.line is not None:
            slopes = {abs(slope) for slope in operator.line.slope}
            if len(slopes) > 1 or not all(slopes):
                return None
            factor *= float(slopes.pop())
        elif operator.node.op not in KEEP_STEPS:
            return None
    return None
