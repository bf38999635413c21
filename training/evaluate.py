"""What a trained network answers: logits, accuracy and how its activations lean."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from training.models import BinaryNetwork, evaluating, to_pixels
from training.sources.dataset import Split

EVALUATION_BATCH = 500


def predict(model: BinaryNetwork, images: NDArray[np.uint8], batch: int = EVALUATION_BATCH) -> NDArray[np.float32]:
    """Logits (n, classes) of (n, H, W, C) images, in evaluation mode."""
    logits = []
    with evaluating(model), torch.no_grad():
        for start in range(0, len(images), batch):
            logits.append(model(to_pixels(images[start : start + batch], model.device)).cpu().numpy())
    return np.concatenate(logits)


def accuracy(model: BinaryNetwork, split: Split) -> float:
    """Share of the images whose highest logit is their label's; the lower index wins a tie."""
    return float((predict(model, split.images).argmax(axis=1) == split.labels).mean())


def plus_one_fractions(model: BinaryNetwork, images: NDArray[np.uint8]) -> dict[str, float]:
    """The share of +1 in every binary tensor of the network, by the names that ``BinaryNetwork.trace`` gives.

    One half is balanced; how far from it is the quantity that Kim et al. 2021 is about.
    """
    traces, _ = model.trace(images)
    return {name: float(bits.mean()) for name, bits in traces.items()}
