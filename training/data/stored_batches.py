"""Batches of images that lie in files, whole or cropped at random; threads decode them ahead of the step."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.augment import Augmentation
from training.data.batches import EpochOrder
from training.data.sources.dataset import Split, StoredImages
from training.data.sources.image_file import decoders
from training.networks.models import to_pixels

AHEAD = 2  # batches that are decoded while a step is computed

_Image = Future[NDArray[np.uint8]]


class StoredBatches(EpochOrder):
    """What ``Batches`` is, for images in files: the order and what is done to each are a function of (seed, epoch).

    Args:
        split: whose images are ``StoredImages``.
        batch_size: images a batch and rank.
        device: where the batches are made.
        flip: mirror half of the random crops.
        whole: take the whole images, moved so, in the place of random crops: the very batches of ``Batches``.
        order: as ``EpochOrder`` takes them.

    Raises:
        UserError: the batch size does not fit the number of images; while iterating, a file that is damaged.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        *,
        device: torch.device | str = "cpu",
        flip: bool = False,
        whole: Augmentation | None = None,
        **order: Any,
    ) -> None:
        super().__init__(len(split), batch_size, **order)
        assert isinstance(split.images, StoredImages)
        self.images = split.images
        self.labels = torch.from_numpy(split.labels)
        self.device = torch.device(device)
        self.flip = flip
        self.whole = whole
        if whole is not None:
            whole.verify(*split.images.shape[1:3])

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator, order = self._start()
        if self.whole is None:
            drawn = self._mine(torch.randint(2**62, (self.total,), generator=generator))
        else:
            drawn = self._mine(self.whole.draw(self.total, generator))
        pending: deque[tuple[list[_Image], Tensor, Tensor]] = deque()
        pool = ThreadPoolExecutor(decoders())
        try:
            for chosen in self._slices():
                positions = order[chosen]
                pending.append((self._decode(pool, positions, drawn[chosen]), self.labels[positions], drawn[chosen]))
                if len(pending) > AHEAD:
                    yield self._batch(*pending.popleft())
            while pending:
                yield self._batch(*pending.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _decode(self, pool: ThreadPoolExecutor, positions: Tensor, drawn: Tensor) -> list[_Image]:
        if self.whole is not None:
            return [pool.submit(self.images.whole, position) for position in positions.tolist()]
        return [
            pool.submit(self.images.random_crop, position, seed, self.flip)
            for position, seed in zip(positions.tolist(), drawn.tolist(), strict=True)
        ]

    def _batch(self, decoded: list[_Image], labels: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        images = np.stack([image.result() for image in decoded])
        if self.whole is None:
            return to_pixels(images, self.device), labels.to(self.device)
        planes = torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2).contiguous()
        return self.whole.apply(planes, drawn.to(self.device)).to(torch.float32), labels.to(self.device)
