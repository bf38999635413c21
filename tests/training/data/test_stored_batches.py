"""Batches from files. The oracles: the files' own crops one by one, and one process with all ranks' images."""

import threading

import numpy as np
import pytest
import torch

from bnn.errors import UserError
from training.data.sources.dataset import DataError, Split, StoredImages
from training.data.stored_batches import StoredBatches


class Numbered(StoredImages):
    """Each image is its number and the seed of its crop; no files."""

    def __init__(self, count, damaged=None):
        self.shape = (count, 2, 2, 3)
        self.damaged = damaged

    def __getitem__(self, chosen):
        raise AssertionError("training takes crops")

    def chosen(self, positions):
        raise AssertionError

    def random_crop(self, position, seed, flip):
        if position == self.damaged:
            raise DataError(f"image {position}: damaged")
        image = np.full((2, 2, 3), position, np.uint8)
        image[0, 0] = seed % 251, seed % 241, flip
        return image


def epoch(count=23, batch_size=4, number=0, **order):
    batches = StoredBatches(Split(Numbered(count), np.arange(count)), batch_size, **order)
    batches.set_epoch(number)
    listed = list(batches)
    assert len(listed) == len(batches)
    return listed


def test_every_image_comes_once_with_its_label():
    labels = []
    for images, chosen in epoch():
        assert images.dtype == torch.float32
        assert images.shape[1:] == (3, 2, 2)
        assert images[:, 0, 1, 1].tolist() == chosen.tolist()
        labels += chosen.tolist()
    assert sorted(labels) == list(range(23))
    assert labels != sorted(labels)


def test_order_and_crops_are_a_function_of_seed_and_epoch():
    def flat(**order):
        return torch.cat([images for images, _ in epoch(**order)])

    assert torch.equal(flat(seed=3, number=2), flat(seed=3, number=2))
    assert not torch.equal(flat(seed=3, number=2), flat(seed=3, number=1))
    assert not torch.equal(flat(seed=3, number=2), flat(seed=4, number=2))
    first = {int(i[0, 1, 1]): i[0, 0, 0] for i in flat(seed=3)}
    second = {int(i[0, 1, 1]): i[0, 0, 0] for i in flat(seed=3, number=1)}
    assert sum(float(first[n]) != float(second[n]) for n in first) > 15, "crops change from epoch to epoch"


def test_ranks_share_the_batches_of_one_process():
    alone = epoch(24, 8, seed=5)
    ranks = [epoch(24, 4, seed=5, rank=rank, world_size=2) for rank in (0, 1)]
    for (images, labels), *halves in zip(alone, *ranks, strict=True):
        together = {int(label): image for half in halves for image, label in zip(*half, strict=True)}
        assert set(together) == set(labels.tolist())
        for image, label in zip(images, labels.tolist(), strict=True):
            assert torch.equal(together[label], image)


def test_drop_last_and_flip_are_passed_on():
    assert [len(labels) for _, labels in epoch(drop_last=True, flip=True)] == [4] * 5
    assert all((images[:, 2, 0, 0] == 1).all() for images, _ in epoch(flip=True))
    with pytest.raises(UserError, match=r"batch_size \(24\) must be at most the number of images a process has"):
        epoch(batch_size=24, drop_last=True)


def test_a_damaged_image_is_an_error_and_no_thread_stays():
    before = threading.active_count()
    batches = StoredBatches(Split(Numbered(9, damaged=7), np.arange(9)), 3)
    with pytest.raises(DataError, match="^image 7: damaged$"):
        list(batches)
    unfinished = iter(StoredBatches(Split(Numbered(9), np.arange(9)), 3))
    next(unfinished)
    unfinished.close()
    assert threading.active_count() == before
