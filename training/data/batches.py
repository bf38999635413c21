"""Batches from a split that lies in memory, or on the device, as uint8: no worker processes, nothing per sample.

The order of an epoch, and how each image is moved, is a pure function of (seed, epoch), so that a resumed training sees
what an uninterrupted one would have seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from bnn.errors import UserError
from training.data.augment import Augmentation
from training.data.sources.dataset import Split


def derive_seed(*parts: int) -> int:
    """A seed in 0..2**63-1 that depends on every one of ``parts`` and on their order."""
    digest = hashlib.sha256(",".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


class EpochOrder:
    """How an epoch's images are divided in batches, and among processes.

    Rank r of w takes the positions r, r + w, r + 2 w, ... of an epoch's order, so that the w full batches of one step
    are together, moves included, the batch that one process would take with w times the batch size. Every rank has
    equally many batches. Without ``drop_last`` every image occurs exactly once in an epoch, over all ranks; where w
    does not divide the images, a rank's last batch may be one image larger than ``batch_size``.

    Args:
        total: images.
        batch_size: images a batch and rank.
        seed: of the order and of the augmentation.
        shuffle: take the images in a new random order each epoch, not in that of the split.
        drop_last: leave out what does not fill a batch on every rank. For training: a last batch may otherwise
            hold a single image, of which batch norm has no variance.
        rank: which of ``world_size`` processes this is, from 0.
        world_size: how many processes share an epoch.

    Raises:
        UserError: the batch size does not fit the number of images.
    """

    def __init__(
        self,
        total: int,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        assert 0 <= rank < world_size, (rank, world_size)
        share = total // world_size  # of the rank that has the fewest
        if batch_size < 1:
            raise UserError(f"batch_size ({batch_size}) must be at least 1")
        if share < 1:
            raise UserError(f"{total} images cannot be shared among {world_size} processes; use fewer devices")
        if drop_last and share < batch_size:
            raise UserError(
                f"batch_size ({batch_size}) must be at most the number of images a process has ({share}: "
                f"{total} images, {world_size} processes)"
            )
        self.total = total
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        # The share that every rank has decides; an image more on some ranks goes into their last batch.
        self._count = share // batch_size if drop_last else -(-share // batch_size)

    def __len__(self) -> int:
        """Batches an epoch and rank."""
        return self._count

    @property
    def sampler(self) -> Self:
        """Itself: Lightning calls ``sampler.set_epoch`` at the start of every epoch."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration is."""
        self.epoch = epoch

    def _start(self) -> tuple[torch.Generator, Tensor]:
        """The epoch's generator, behind its order, and this rank's part of the order."""
        # on the CPU, so that every device sees the same epoch
        generator = torch.Generator().manual_seed(derive_seed(self.seed, self.epoch))
        order = torch.randperm(self.total, generator=generator) if self.shuffle else torch.arange(self.total)
        return generator, self._mine(order)

    def _mine(self, per_image: Tensor) -> Tensor:
        """What belongs to this rank of something that has one entry an image."""
        return per_image[self.rank :: self.world_size].contiguous()

    def _slices(self) -> Iterator[slice]:
        """Each batch's part of what belongs to this rank."""
        for index in range(self._count):
            is_last = index == self._count - 1
            end = None if is_last and not self.drop_last else (index + 1) * self.batch_size
            yield slice(index * self.batch_size, end)


class Batches(EpochOrder):
    """An iterable over one epoch of (images, labels); Lightning takes it in the place of a DataLoader.

    images are (n, C, H, W) float32 pixel values 0..255, labels (n,) int64, both on ``device``.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        *,
        device: torch.device | str = "cpu",
        augmentation: Augmentation | None = None,
        **order: Any,
    ) -> None:
        """Copy ``split`` to ``device``.

        Args:
            split: the images and labels.
            batch_size: images a batch and rank.
            device: where the images lie and the batches are made.
            augmentation: how the images may move; not at all where None.
            order: as ``EpochOrder`` takes them.

        Raises:
            UserError: the batch size does not fit the number of images.
        """
        super().__init__(len(split), batch_size, **order)
        self.augmentation = augmentation
        self.images = torch.tensor(np.ascontiguousarray(split.pixels.transpose(0, 3, 1, 2)), device=device)
        self.labels = torch.tensor(split.labels, device=device)
        if augmentation is not None:
            augmentation.verify(*self.images.shape[2:])

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator, order = self._start()
        order = order.to(self.images.device)
        moves = None
        if self.augmentation is not None:
            moves = self._mine(self.augmentation.draw(self.total, generator)).to(self.images.device)
        for chosen in self._slices():
            images = self.images.index_select(0, order[chosen])
            if self.augmentation is not None and moves is not None:
                images = self.augmentation.apply(images, moves[chosen])
            yield images.to(torch.float32), self.labels.index_select(0, order[chosen])
