"""Batches from memory, against the split itself, a loop over single images, and Lightning's own trainer."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bnn.errors import UserError
from training.data.augment import Augmentation
from training.data.batches import Batches, derive_seed
from training.data.sources.dataset import Split


def numbered_split(count, shape=(3, 2, 2)):
    """Images that differ; each label is the image's own number."""
    images = np.random.default_rng(count).integers(0, 256, (count, *shape), dtype=np.uint8)
    return Split(images, np.arange(count, dtype=np.int64))


def labels_of(batches):
    return [labels.tolist() for _, labels in batches]


def test_an_image_arrives_as_its_pixel_values_channel_first():
    """Oracle: one pixel at a time out of the split."""
    split = numbered_split(7)
    for images, labels in Batches(split, 3, seed=1):
        assert images.dtype == torch.float32
        assert images.is_contiguous()
        assert images.shape[1:] == (2, 3, 2)
        for image, label in zip(images, labels.tolist(), strict=True):
            for y in range(3):
                for x in range(2):
                    for c in range(2):
                        assert image[c, y, x] == split.images[label, y, x, c]


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 5), st.integers(0, 3))
def test_every_image_occurs_once_over_all_ranks(count, batch_size, world_size, epoch):
    world_size = min(world_size, count)
    split = numbered_split(count, (1, 1, 1))
    seen, lengths = [], set()
    for rank in range(world_size):
        batches = Batches(split, batch_size, rank=rank, world_size=world_size)
        batches.set_epoch(epoch)
        listed = labels_of(batches)
        assert len(listed) == len(batches)
        assert all(len(labels) == batch_size for labels in listed[:-1])
        assert 1 <= len(listed[-1]) <= batch_size + (count % world_size > 0)
        lengths.add(len(listed))
        seen += [label for labels in listed for label in labels]
    assert sorted(seen) == list(range(count))
    assert len(lengths) == 1


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 5))
def test_drop_last_gives_full_batches_alone_and_none_twice(count, batch_size, world_size):
    split = numbered_split(count, (1, 1, 1))
    if count // world_size < batch_size:
        return
    seen = []
    for rank in range(world_size):
        batches = Batches(split, batch_size, rank=rank, world_size=world_size, drop_last=True)
        listed = labels_of(batches)
        assert len(listed) == len(batches) == count // world_size // batch_size
        assert all(len(labels) == batch_size for labels in listed)
        seen += [label for labels in listed for label in labels]
    assert len(set(seen)) == len(seen)


def test_ranks_share_the_batches_of_one_process():
    """Oracle: one process with twice the batch size; images and their moves are the same."""
    split = numbered_split(24, (6, 6, 1))
    augmentation = Augmentation(shift=2, flip=True)
    alone = Batches(split, 8, seed=3, augmentation=augmentation)
    ranks = [Batches(split, 4, seed=3, rank=rank, world_size=2, augmentation=augmentation) for rank in range(2)]
    for whole, first, second in zip(alone, *ranks, strict=True):
        together = {int(label): image for part in (first, second) for image, label in zip(*part, strict=True)}
        assert set(together) == set(whole[1].tolist())
        for image, label in zip(*whole, strict=True):
            assert torch.equal(together[int(label)], image)


def test_an_epoch_is_the_same_after_re_creation():
    split = numbered_split(50, (5, 5, 1))

    def epoch(number, seed=11):
        batches = Batches(split, 8, seed=seed, augmentation=Augmentation(shift=1, flip=True))
        batches.set_epoch(number)
        return list(batches)

    uninterrupted = Batches(split, 8, seed=11, augmentation=Augmentation(shift=1, flip=True))
    for number in range(4):
        uninterrupted.set_epoch(number)
        for (images, labels), (images_again, labels_again) in zip(uninterrupted, epoch(number), strict=True):
            assert torch.equal(images, images_again)
            assert torch.equal(labels, labels_again)
    assert labels_of(epoch(2)) != labels_of(epoch(3))
    assert labels_of(epoch(2)) != labels_of(epoch(2, seed=12))


def test_the_order_does_not_depend_on_torchs_global_generator():
    split = numbered_split(30)
    torch.manual_seed(1)
    first = labels_of(Batches(split, 4))
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert labels_of(Batches(split, 4)) == first
    assert torch.equal(torch.get_rng_state(), state)


def test_without_shuffle_the_order_is_the_splits():
    assert labels_of(Batches(numbered_split(7), 3, shuffle=False)) == [[0, 1, 2], [3, 4, 5], [6]]


def test_augmentation_moves_each_image_by_its_own_draw():
    """Oracle: each image alone, looked for among all moves that could have been drawn."""
    split = numbered_split(20, (5, 5, 1))
    augmentation = Augmentation(shift=1, flip=True)
    every_move = torch.tensor([(y, x, f) for y in (-1, 0, 1) for x in (-1, 0, 1) for f in (0, 1)])
    drawn = set()
    for images, labels in Batches(split, 6, seed=2, augmentation=augmentation):
        for image, label in zip(images, labels.tolist(), strict=True):
            original = torch.from_numpy(split.images[label]).permute(2, 0, 1)
            candidates = augmentation.apply(original.expand(len(every_move), -1, -1, -1), every_move)
            matching = (candidates == image).flatten(1).all(dim=1).nonzero().flatten()
            assert len(matching) == 1
            drawn.add(int(matching[0]))
    assert len(drawn) > 5


def test_the_split_itself_is_left_alone():
    split = numbered_split(6)
    before = split.images.copy()
    batches = Batches(split, 6)
    batches.images.zero_()
    assert np.array_equal(split.images, before)


def test_read_only_images_are_taken_without_a_warning():
    split = numbered_split(4)
    split.images.flags.writeable = False
    assert len(Batches(split, 2)) == 2


def test_sizes_that_do_not_fit_are_refused():
    split = numbered_split(10)
    with pytest.raises(UserError, match=r"^batch_size \(0\) must be at least 1$"):
        Batches(split, 0)
    with pytest.raises(UserError, match=r"^batch_size \(6\) must be at most .* \(5: 10 images, 2 processes\)$"):
        Batches(split, 6, drop_last=True, world_size=2)
    with pytest.raises(UserError, match=r"^10 images cannot be shared among 11 processes; use fewer devices$"):
        Batches(split, 1, world_size=11)
    with pytest.raises(UserError, match=r"^augmentation: shift \(2\) must be smaller than .* \(3 x 2\)$"):
        Batches(split, 1, augmentation=Augmentation(shift=2))


def test_seeds_depend_on_every_part_and_their_order():
    seeds = {derive_seed(*parts) for parts in ((1, 2), (2, 1), (12,), (1, 2, 0), (1,), (0, 12))}
    assert len(seeds) == 6
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_lightning_sets_the_epoch_and_goes_on_with_the_right_one(tmp_path):
    """Oracle: Lightning's trainer, stopped after two of four epochs and resumed from its checkpoint."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's and its dependencies' own, at import and in their defaults
        import lightning

    class Recorder(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)
            self.seen = []

        def training_step(self, batch, _):
            images, labels = batch
            self.seen.append((self.current_epoch, labels.tolist()))
            return self.layer(images.flatten(1).mean(dim=1, keepdim=True)).mean()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.0)

    split = numbered_split(20)

    def run(epochs, checkpoint=None):
        module = Recorder()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer = lightning.Trainer(
                max_epochs=epochs, accelerator="cpu", devices=1, logger=False, enable_progress_bar=False,
                enable_model_summary=False, default_root_dir=tmp_path, enable_checkpointing=False,
            )  # fmt: skip
            trainer.fit(module, Batches(split, 6, seed=4), ckpt_path=checkpoint)
            trainer.save_checkpoint(tmp_path / f"{epochs}.ckpt")
        return module.seen

    whole = run(4)
    expected = []
    batches = Batches(split, 6, seed=4)
    for epoch in range(4):
        batches.set_epoch(epoch)
        expected += [(epoch, labels) for labels in labels_of(batches)]
    assert whole == expected
    assert run(2) + run(4, tmp_path / "2.ckpt") == whole
