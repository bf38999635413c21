"""Batches of images that lie in files: cropped at random, and decoded by threads ahead of the step that needs them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.batches import EpochOrder
from training.models import to_pixels
from training.sources.dataset import Split, StoredImages
from training.sources.folder import decoders

AHEAD = 2  # batches that are decoded while a step is computed

_Crop = Future[NDArray[np.uint8]]


class StoredBatches(EpochOrder):
    """What ``Batches`` is, for images in files: the order and each image's crop are a function of (seed, epoch).

    Args:
        split: whose images are ``StoredImages``.
        batch_size: images a batch and rank.
        device: where the batches are made.
        flip: mirror half of the images.
        order: as ``EpochOrder`` takes them.

    Raises:
        UserError: the batch size does not fit the number of images; while iterating, a file that is damaged.
    """

    def __init__(
        self, split: Split, batch_size: int, *, device: torch.device | str = "cpu", flip: bool = False, **order: Any
    ) -> None:
        super().__init__(len(split), batch_size, **order)
        assert isinstance(split.images, StoredImages)
        self.images = split.images
        self.labels = torch.from_numpy(split.labels)
        self.device = torch.device(device)
        self.flip = flip

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator, order = self._start()
        seeds = self._mine(torch.randint(2**62, (self.total,), generator=generator))
        pending: deque[tuple[list[_Crop], Tensor]] = deque()
        pool = ThreadPoolExecutor(decoders())
        try:
            for chosen in self._slices():
                positions = order[chosen]
                crops = [
                    pool.submit(self.images.random_crop, position, seed, self.flip)
                    for position, seed in zip(positions.tolist(), seeds[chosen].tolist(), strict=True)
                ]
                pending.append((crops, self.labels[positions]))
                if len(pending) > AHEAD:
                    yield self._batch(*pending.popleft())
            while pending:
                yield self._batch(*pending.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _batch(self, crops: list[_Crop], labels: Tensor) -> tuple[Tensor, Tensor]:
        images = np.stack([crop.result() for crop in crops])
        return to_pixels(images, self.device), labels.to(self.device)
