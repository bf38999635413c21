"""The smallest buffers that cost no throughput, by the cycle model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import islice

from bnn import Chain, ConvLayer
from bnn.folding import Folding
from hw.cycles.prediction import as_number, steady_frame_ii, sustains
from hw.dataflow import build_dataflow, unit_names
from hw.units import DEFAULT_PIPELINE, Pipeline


def size_buffers(network: Chain, folding: Folding, pipeline: Pipeline = DEFAULT_PIPELINE) -> dict[str, int]:
    """Unit name to the beats that its buffer must hold: the smallest that cost no throughput.

    Starts from buffers that certainly suffice and makes one after the other, from the last layer to the first, as small
    as the model allows: none of the result can be smaller. A FIFO that is not needed gets 0, which leaves it out.
    """
    buffers = _generous(network, folding)
    generous = build_dataflow(network, folding, buffers, pipeline=pipeline)
    bottleneck = Fraction(generous.bottleneck_cycles)
    frame_ii = bottleneck if sustains(generous, bottleneck) else steady_frame_ii(generous)

    def suffices(changes: dict[str, int]) -> bool:
        deep = set(names) - set(changes)
        return sustains(build_dataflow(network, folding, buffers | changes, pipeline=pipeline), frame_ii, deep)

    names = list(reversed(buffers))
    while names:
        # Of most buffers the smallest suffices: how many of the next ones may have it together?
        smallest = {name: generous[name].buffer_choices()[0] for name in names}
        count = _most(len(names), lambda n, s=smallest: suffices(dict(islice(s.items(), n))))  # type: ignore[misc]
        buffers |= dict(islice(smallest.items(), count))
        for name in names[count : count + 1]:
            choices = generous[name].buffer_choices()
            buffers[name] = _least(choices, generous[name].likely_beats, lambda beats, n=name: suffices({n: beats}))  # type: ignore[misc]
        names = names[count + 1 :]
    return buffers


def checked_buffers(
    network: Chain, folding: Folding, kept: Mapping[str, int] | None, pipeline: Pipeline = DEFAULT_PIPELINE
) -> tuple[dict[str, int], str | None]:
    """The buffers that a folding file holds where they serve; else what ``size_buffers`` gives, and in words why.

    They serve if they are those of this design, none is less than its unit works with or more than it can use, and the
    design is as fast as with any. To see that takes one run of the cycle model, and ``size_buffers`` takes many.

    Args:
        network: what is computed.
        folding: of its matrices.
        kept: unit name to beats; None where there are none, which needs no word.
        pipeline: of the design.
    """
    if kept is None:
        return size_buffers(network, folding, pipeline), None
    wrong = _wrong_buffers(network, folding, kept)
    if wrong is None:
        dataflow = build_dataflow(network, folding, kept, pipeline=pipeline)
        if sustains(dataflow, Fraction(dataflow.bottleneck_cycles)):
            return dict(kept), None
    sized = size_buffers(network, folding, pipeline)
    if wrong is None:
        built = (build_dataflow(network, folding, buffers, pipeline=pipeline) for buffers in (kept, sized))
        slow, fast = (steady_frame_ii(dataflow) for dataflow in built)
        if slow <= fast:
            return dict(kept), None
        wrong = f"with the buffers kept a frame takes {as_number(slow):,} cycles, and {as_number(fast):,} is possible"
    return sized, f"{wrong}: all buffers are sized anew; fold again to keep them"


def _wrong_buffers(network: Chain, folding: Folding, kept: Mapping[str, int]) -> str | None:
    """The first buffer that cannot be; None where all can."""
    ample = _generous(network, folding)
    dataflow = build_dataflow(network, folding, ample)
    for name in ample:
        if name not in kept:
            return f"no beats are kept for buffer {name}"
        least, most = dataflow[name].least_beats, dataflow[name].buffer_beats
        if not least <= kept[name] <= most:
            return f"buffer {name} cannot hold the {kept[name]:,} beats kept for it, only {least:,} .. {most:,}"
    unknown = (name for name in kept if name not in ample)
    return next((f"beats are kept for a buffer {name}, of which there is none" for name in unknown), None)


def _most(count: int, holds: Callable[[int], bool]) -> int:
    """The largest number up to ``count`` of which ``holds`` is true; it is of 0, and monotonic."""
    if holds(count):
        return count
    low, high = 0, count
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _least(choices: list[int], guess: int, suffices: Callable[[int], bool]) -> int:
    """The first of the choices that suffices: not the first of all, and the last does; ``guess`` is tried first."""
    low, high = 0, len(choices) - 1
    middle = choices.index(guess) if guess in choices[1:-1] else high // 2
    while high - low > 1:
        if suffices(choices[middle]):
            high = middle
            middle = middle - 1 if choices[middle] == guess else (low + high) // 2
        else:
            low = middle
            middle = (low + high) // 2
        middle = min(max(middle, low + 1), high - 1)
    return choices[high]


def _generous(network: Chain, folding: Folding) -> dict[str, int]:
    """Buffers of a frame more than the least, which decouple the units; in the order in which they stand.

    Of a layer with a FIFO and a buffer in its unit the FIFO comes last, and so is made small first: the unit's buffer
    then does what it can.
    """
    stems = unit_names(network)
    fifos = {f"{stems[layer.name]}_fifo": 1 for layer in network.layers if not isinstance(layer, ConvLayer)}
    buffers: dict[str, int] = {}
    for unit in build_dataflow(network, folding, fifos):
        if unit.buffer_beats:
            buffers[unit.name] = unit.ample_beats
            fifo = f"{stems[unit.layer or '']}_fifo"
            if fifo in buffers and not unit.passes_on:
                buffers[fifo] = buffers.pop(fifo)
    return buffers
