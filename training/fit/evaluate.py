"""What a trained network answers: logits, accuracy and how its activations lean."""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch
from numpy.typing import NDArray

from bnn.classes import classes_of
from training.data.sources.dataset import Images, Split
from training.networks.models import evaluating, to_pixels
from training.networks.network import TrainableNetwork

EVALUATION_BATCH = 500
BATCH_PIXELS = 2**22  # at most so many pixels at a time: 83 images of 224 x 224


def float_scores(model: TrainableNetwork, images: Images, batch: int = EVALUATION_BATCH) -> NDArray[np.float32]:
    """Logits (n, classes) of (n, H, W, C) images, in evaluation mode."""
    logits = []
    batch = _fitting(batch, images)
    with evaluating(model), torch.no_grad():
        for start in range(0, len(images), batch):
            logits.append(model(to_pixels(images[start : start + batch], model.device)).cpu().numpy())
    return np.concatenate(logits)


def accuracy(model: TrainableNetwork, split: Split) -> float:
    """Share of the images whose highest logit is their label's; the lower index wins a tie."""
    return float((classes_of(float_scores(model, split.images)) == split.labels).mean())


def plus_one_fractions(model: TrainableNetwork, images: Images) -> dict[str, float]:
    """The share of +1 in every binary tensor of the network, by the names that ``TrainableNetwork.trace`` gives.

    One half is balanced; how far from it is the quantity that Kim et al. 2021 is about.
    """
    ones: Counter[str] = Counter()
    all_bits: Counter[str] = Counter()
    batch = _fitting(EVALUATION_BATCH, images)  # all bits at once may not fit in memory
    for start in range(0, len(images), batch):
        traces, _ = model.trace(images[start : start + batch])
        for name, bits in traces.items():
            ones[name] += int(np.count_nonzero(bits))
            all_bits[name] += bits.size
    return {name: count / all_bits[name] for name, count in ones.items()}


def _fitting(batch: int, images: Images) -> int:
    pixels = int(images.shape[1] * images.shape[2])
    return max(1, min(batch, BATCH_PIXELS // pixels))
