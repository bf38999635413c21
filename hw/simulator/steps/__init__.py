"""The steps of a compiled network: tasks with their weights made ready for the kernels."""

from __future__ import annotations

from bnn import Network
from bnn.nodes import Concatenate, Conv, Encode, Matrix, MaxPool, PadChannels, Scores, SumPool, Thermometer
from hw.simulator.fusing import Task, counts_bits, is_pointwise
from hw.simulator.steps.channels import ChannelsStep
from hw.simulator.steps.matrix import BinaryStep, GroupedStep, IntegerStep
from hw.simulator.steps.pointwise import PointwiseStep
from hw.simulator.steps.scores import TableStep
from hw.simulator.steps.source import EncodeStep, ThermometerStep
from hw.simulator.steps.step import Run, Step
from hw.simulator.steps.windows import PoolStep

__all__ = ["BinaryStep", "Run", "Step", "make_step"]


def make_step(network: Network, task: Task, *, exact: bool) -> Step:
    """The step of a task.

    Args:
        network: that the task is of.
        task: what to compute.
        exact: a matrix of bits gets a kernel compiled for exactly the length of its rows.
    """
    head = task.head
    if counts_bits(network, head):
        return BinaryStep(network, task, exact=exact)
    if is_pointwise(head):
        return PointwiseStep(network, task)
    if isinstance(head, Conv) and head.groups > 1:
        return GroupedStep(network, task)
    for kind, step in _STEPS.items():
        if isinstance(head, kind):
            return step(network, task)
    raise NotImplementedError(f"{head.where}: the simulator has no kernel for nodes of this kind")


_STEPS: dict[type, type[Step]] = {
    Encode: EncodeStep,
    Thermometer: ThermometerStep,
    Matrix: IntegerStep,
    MaxPool: PoolStep,
    SumPool: PoolStep,
    Concatenate: ChannelsStep,
    PadChannels: ChannelsStep,
    Scores: TableStep,
}
