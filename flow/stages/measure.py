"""The integer network's accuracy while it is trained: absorbed and simulated after each epoch."""

from __future__ import annotations

from bnn.errors import UserError
from flow.ladder.compare import accuracy
from hw.simulator import simulate
from onnx_export.absorb import absorb
from training.data.sources.dataset import Split, StoredImages
from training.networks.network import TrainableNetwork


def integer_accuracy(model: TrainableNetwork, split: Split) -> float | None:
    """Share of the images that the absorbed network classifies as labelled, on one thread.

    None where the integer network cannot hold the model, or, while it is trained, not yet; and for images that lie
    in files, which would take longer to read than an epoch may wait.
    """
    if model.refusal or isinstance(split.images, StoredImages):
        return None
    try:
        network = absorb(model.staged())
    except UserError:
        return None
    return accuracy(simulate(network, split.pixels, threads=1), split.labels)
