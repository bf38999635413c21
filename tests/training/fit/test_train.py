"""Whole trainings on the embedded digits. The oracles: PyTorch's optimizers and formulas, and the files themselves."""

import csv
import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bnn.errors import UserError
from training.config.load import load_config, parse_config
from training.data.datasets import load_dataset
from training.fit.checkpoint import CheckpointError, read_trained
from training.fit.evaluate import accuracy, float_scores, plus_one_fractions
from training.fit.module import learning_rate, loss_value, make_optimizer
from training.fit.train import load_trained, split_training, train
from training.networks.models import BinaryNetwork, to_pixels

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard.*")


def small(**training):
    return parse_config(
        {
            "name": "small",
            "data": {"name": "digits", "validation_fraction": 0.2},
            "network": {"layers": [{"dense": 32}, {"dense": 24}]},
            "activation": {"threshold_shift": "learned", "learned_shift_start": 0.25},
            "training": {"epochs": 4, "batch_size": 64, "learning_rate": 0.02, "dropout": 0.05} | training,
        },
        "small.toml",
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    run = tmp_path_factory.mktemp("run")
    return run, train(small(), run, threads=1, progress=False)


def test_the_result_is_what_the_model_in_the_file_measures(trained):
    _, result = trained
    model = load_trained(result.checkpoint, small())
    assert not model.training
    dataset = load_dataset("digits")
    _, validation = split_training(small(), dataset)
    assert result.test_accuracy == accuracy(model, dataset.test)
    assert result.validation_accuracy == accuracy(model, validation)
    assert result.plus_one == plus_one_fractions(model, validation.images)
    assert result.config_hash == small().hash
    assert set(result.plus_one) == {"fc1", "fc2"}
    assert result.test_accuracy > 0.7


def test_accuracy_is_a_naive_count(trained):
    _, result = trained
    model = load_trained(result.checkpoint, small())
    test = load_dataset("digits").test
    with torch.no_grad():
        logits = model(to_pixels(test.images))
    assert accuracy(model, test) == np.mean(
        [int(row.argmax()) == label for row, label in zip(logits, test.labels, strict=True)]
    )
    np.testing.assert_array_equal(float_scores(model, test.images, batch=7), logits.numpy())


def test_every_epoch_is_logged_in_csv_and_tensorboard(trained):
    run, result = trained
    with (run / "logs" / "metrics.csv").open() as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    assert rows == list(result.history)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert set(rows[0]) == {"epoch", "loss", "learning_rate", "validation_accuracy", "plus_one/fc1", "plus_one/fc2"}
    assert rows[-1]["loss"] < rows[0]["loss"]
    events = EventAccumulator(str(run / "logs" / "tensorboard")).Reload()
    logged = [(event.step, event.value) for event in events.Scalars("plus_one/fc1")]
    assert logged == [(row["epoch"], pytest.approx(row["plus_one/fc1"])) for row in rows]


def right_half(model, split):
    """A measurement that only this test makes: of the labels above 4."""
    return float((split.labels > 4).mean())


def test_what_is_measured_after_each_epoch_is_the_held_out_images_and_else_the_test_images(tmp_path):
    dataset = load_dataset("digits")
    config = small(epochs=2)
    _, validation = split_training(config, dataset)
    result = train(config, tmp_path / "held_out", threads=1, progress=False, measure=right_half)
    assert [row["validation_accuracy"] for row in result.history] == [float((validation.labels > 4).mean())] * 2
    assert "test_accuracy" not in result.history[0]
    config = config.with_overrides(["data.validation_fraction=0"])
    result = train(config, tmp_path / "none", threads=1, progress=False, measure=right_half)
    assert [row["test_accuracy"] for row in result.history] == [float((dataset.test.labels > 4).mean())] * 2
    assert "validation_accuracy" not in result.history[0]
    result = train(config, tmp_path / "not_asked", threads=1, progress=False)
    assert not {"test_accuracy", "validation_accuracy"} & set(result.history[0])
    config = small(epochs=1)  # one for which there is no integer network: PyTorch's accuracy takes its place
    result = train(config, tmp_path / "nothing", threads=1, progress=False, measure=lambda model, split: None)
    model = load_trained(result.checkpoint, config)
    assert result.validation_accuracy == accuracy(model, validation)


def test_columns_that_an_older_version_did_not_measure_stay_empty_in_the_log(tmp_path):
    config = small(epochs=1).with_overrides(["data.validation_fraction=0", "training.epochs=2"])
    first = train(config, tmp_path / "first", threads=1, progress=False)
    folder = tmp_path / "second" / "checkpoints"
    folder.mkdir(parents=True)
    source = first.checkpoint.parent / "checkpoints" / "epoch-000001.ckpt"
    (folder / source.name).write_bytes(source.read_bytes())
    train(config, tmp_path / "second", threads=1, progress=False, measure=right_half)
    with (tmp_path / "second" / "logs" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert rows[0]["test_accuracy"] == ""
    assert 0 < float(rows[1]["test_accuracy"]) < 1


def test_a_finished_training_is_not_done_again(trained):
    run, result = trained
    before = result.checkpoint.stat().st_mtime_ns
    assert train(small(), run, threads=1, progress=False) == result
    assert result.checkpoint.stat().st_mtime_ns == before


def test_a_folder_with_another_training_is_refused_unless_it_may_begin_anew(trained, tmp_path):
    run, _ = trained
    other = small(learning_rate=0.03)
    with pytest.raises(
        CheckpointError, match=r"trained with another config: training.learning_rate is 0.02 there and 0.03"
    ):
        train(other, run, threads=1, progress=False)
    first = train(small(epochs=1), tmp_path, threads=1, progress=False)
    again = train(small(epochs=1, seed=5), tmp_path, threads=1, progress=False, restart=True)
    assert first.config_hash != again.config_hash


def test_an_interrupted_training_of_another_config_is_refused(trained, tmp_path):
    run, _ = trained
    (tmp_path / "checkpoints").mkdir()
    source = run / "checkpoints" / "epoch-000004.ckpt"
    (tmp_path / "checkpoints" / source.name).write_bytes(source.read_bytes())
    with pytest.raises(
        CheckpointError, match=r"epoch-000004.ckpt: a training with another config: training.seed is 0 there"
    ):
        train(small(seed=1), tmp_path, threads=1, progress=False)


def test_a_convolutional_network_learns(tmp_path):
    layers = [
        {"conv": 16, "padding": 1, "pad_pixel": 0},
        {"conv": 16, "padding": 1, "pad_bit": 0},
        {"pool": 2, "position": "before_activation"},
        {"conv": 24, "kernel": 2},
        {"pool": 2, "stride": 1},
        {"dense": 32},
    ]
    settings = small(epochs=5, dropout=0).settings() | {"network": {"layers": layers}}
    result = train(
        parse_config(settings | {"activation": {"ste": "approx_sign"}}, "x"), tmp_path, threads=1, progress=False
    )
    losses = [row["loss"] for row in result.history]
    assert losses[-1] < 0.5 * losses[0]
    assert result.test_accuracy > 0.6
    assert set(result.plus_one) == {"conv1", "pool1", "conv3", "pool2", "fc1"}


def test_the_seed_decides_everything(trained, tmp_path):
    _, result = trained
    same = train(small(), tmp_path / "same", threads=1, progress=False)
    other = train(small(seed=1), tmp_path / "other", threads=1, progress=False)
    assert same.history == result.history
    state, same_state = (read_trained(r.checkpoint)["state"] for r in (result, same))
    assert all(torch.equal(state[name], same_state[name]) for name in state)
    assert other.history != result.history


def test_epochs_can_be_given_beside_the_config(tmp_path):
    assert len(train(small(), tmp_path, epochs=1, threads=1, progress=False).history) == 1


def test_the_model_of_another_config_is_refused(trained):
    _, result = trained
    for section, settings, message in (
        (
            "network",
            {"layers": [{"dense": 32}]},
            r"checkpoint of another model: network.layers is \[.*\] there and \[.*\] in",
        ),
        (
            "activation",
            {"threshold_shift": 0.5},
            r"another model: activation.learned_shift_start is 0.25 there and 0.0 in",
        ),
    ):
        other = parse_config(small().settings() | {section: settings}, "other.toml")
        with pytest.raises(CheckpointError, match=message) as caught:
            load_trained(result.checkpoint, other)
        assert "\n" not in str(caught.value)


def test_the_model_is_found_whatever_its_training_was(trained):
    _, result = trained
    assert load_trained(result.checkpoint, small(epochs=9)).shape == (8, 8, 1)


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"x" * 999])
def test_a_damaged_checkpoint_is_refused(trained, tmp_path, damage):
    _, result = trained
    path = tmp_path / "checkpoint.ckpt"
    path.write_bytes(damage(result.checkpoint.read_bytes()))
    with pytest.raises(
        CheckpointError, match=r"checkpoint.ckpt: damaged, or no checkpoint of Askew; delete it and train again$"
    ):
        load_trained(path, small())


def test_a_flipped_byte_is_noticed(trained, tmp_path):
    _, result = trained
    data = bytearray(result.checkpoint.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path = tmp_path / "checkpoint.ckpt"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged"):
        load_trained(path, small())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": [-8, 8, 1]}, "damaged, or no checkpoint"),
        ({"shape": [8, 8]}, "damaged, or no checkpoint"),
        ({"shape": "888"}, "damaged, or no checkpoint"),
        ({"classes": True}, "damaged, or no checkpoint"),
        ({"classes": 65_537}, "damaged, or no checkpoint"),
        ({"state": {"weight": 3}}, "damaged, or no checkpoint"),
        ({"result": {}}, "damaged, or no checkpoint"),
        ({"model_hash": None}, "damaged, or no checkpoint"),
        ({"shape": [60000, 60000, 3]}, "does not fit the model .*must be at most 2,147,483,648"),
        ({"shape": [600, 600, 3]}, "does not fit the model .*make .* weights, it has"),
        ({"classes": 60_000}, "does not fit the model .*make .* weights, it has"),
        ({"classes": 9}, "does not fit the model .*size mismatch"),
    ],
)
def test_a_checkpoint_with_other_metadata_is_refused(trained, tmp_path, change, message):
    _, result = trained
    torch.save(read_trained(result.checkpoint) | change, tmp_path / "a.ckpt")
    with pytest.raises(CheckpointError, match=rf"a\.ckpt: .*{message}") as caught:
        load_trained(tmp_path / "a.ckpt", small())
    assert "\n" not in str(caught.value)


def test_a_newer_or_missing_checkpoint_is_refused(trained, tmp_path):
    _, result = trained
    content = read_trained(result.checkpoint)
    torch.save(content | {"format": 99}, tmp_path / "new.ckpt")
    with pytest.raises(CheckpointError, match=r"new.ckpt: format 99, this version reads 1; update Askew$"):
        load_trained(tmp_path / "new.ckpt", small())
    with pytest.raises(CheckpointError, match=r"none.ckpt: no trained model; run `askew train` first$"):
        load_trained(tmp_path / "none.ckpt", small())


def test_held_out_images_are_the_same_for_every_seed_and_never_trained_on():
    dataset = load_dataset("digits")
    kept, held_out = split_training(small(), dataset)
    assert len(held_out) == round(0.2 * len(dataset.train))
    assert len(kept) + len(held_out) == len(dataset.train)
    together = np.concatenate([kept.images, held_out.images]).reshape(len(dataset.train), -1)
    assert sorted(map(bytes, together)) == sorted(map(bytes, dataset.train.images.reshape(len(together), -1)))
    _, other = split_training(small(seed=3), dataset)
    np.testing.assert_array_equal(held_out.images, other.images)
    limited, _ = split_training(small().with_overrides(["data.train_limit=100"]), dataset)
    assert len(limited) == 100
    assert split_training(load_config("digits"), dataset) == (dataset.train, None)


@pytest.mark.parametrize(
    ("overrides", "devices", "message"),
    [
        (["training.batch_size=1"], 1, r"training.batch_size \(1\) must give each of 1 devices at least 2"),
        (["training.batch_size=63"], 2, r"training.batch_size \(63\) must be divisible by the devices \(2\)$"),
        (
            ["data.validation_fraction=0.0001"],
            1,
            r"validation_fraction 0.0001 of 1437 training images is 0; must leave",
        ),
        (
            ["network.layers=[{conv=3, kernel=9}]"],
            1,
            r"network.layers\[0\].kernel: 9 x 9 is larger than its input, 8 x 8$",
        ),
        (["training.augmentation.shift_pixels=8"], 1, r"shift \(8\) must be smaller than the image's height and width"),
        (["data.name=digit"], 1, r"digit"),
    ],
)
def test_what_cannot_be_trained_is_one_line(tmp_path, overrides, devices, message):
    with pytest.raises(UserError, match=message) as caught:
        train(small().with_overrides(overrides), tmp_path, devices=devices, threads=1, progress=False)
    assert "\n" not in str(caught.value)


def test_a_loss_that_is_no_number_ends_the_training_and_leaves_no_model(tmp_path, monkeypatch):
    monkeypatch.setattr("training.fit.module.loss_value", lambda logits, labels, training: logits.sum() * math.nan)
    with pytest.raises(UserError, match=r"training stopped in epoch 1: the loss is no longer a finite number; lower"):
        train(small(), tmp_path, threads=1, progress=False)
    assert not (tmp_path / "checkpoint.ckpt").exists()


def test_a_full_disk_leaves_the_last_epoch_and_no_model(tmp_path, monkeypatch):
    save = torch.save

    def full(content, path, *args, **kwargs):
        if not isinstance(path, Path):  # Lightning's own, into memory
            return save(content, path, *args, **kwargs)
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("training.fit.checkpoint.torch.save", full)
    with pytest.raises(OSError, match="No space left"):
        train(small(epochs=1), tmp_path, threads=1, progress=False)
    assert not (tmp_path / "checkpoint.ckpt").exists()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []
    monkeypatch.undo()
    assert train(small(epochs=1), tmp_path, threads=1, progress=False).resumed_from_epoch == 1


def test_learning_rate_follows_pytorchs_cosine_after_the_warm_up():
    training = small(epochs=5, warmup_epochs=2).training
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=training.learning_rate)
    oracle = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=3 * 10)
    rates = [learning_rate(training, step, 10) for step in range(50)]
    assert rates[:20] == [pytest.approx(training.learning_rate * (step + 1) / 21) for step in range(20)]
    for rate in rates[20:]:
        assert rate == pytest.approx(oracle.get_last_lr()[0])
        optimizer.step()
        oracle.step()


def test_held_learning_rate_then_follows_pytorchs_cosine():
    training = small(epochs=6, warmup_epochs=1, hold_epochs=2).training
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=training.learning_rate)
    oracle = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=3 * 10)
    rates = [learning_rate(training, step, 10) for step in range(60)]
    assert rates[10:30] == [training.learning_rate] * 20
    for rate in rates[30:]:
        assert rate == pytest.approx(oracle.get_last_lr()[0])
        optimizer.step()
        oracle.step()


def test_linear_and_constant_schedules():
    linear = [learning_rate(small(schedule="linear", epochs=2).training, step, 5) for step in range(10)]
    assert linear == [pytest.approx(0.02 * (1 - step / 10)) for step in range(10)]
    assert {learning_rate(small(schedule="constant").training, step, 5) for step in range(20)} == {0.02}


def test_losses_are_their_formulas():
    torch.manual_seed(0)
    logits, labels = torch.randn(6, 10), torch.arange(6)
    smooth = loss_value(logits, labels, small(label_smoothing=0.1).training)
    target = F.one_hot(labels, 10) * 0.9 + 0.01
    torch.testing.assert_close(smooth, -(target * logits.log_softmax(1)).sum(1).mean())
    hinge = loss_value(logits, labels, small(loss="squared_hinge").training)
    terms = [
        max(0.0, 1 - (1 if c == labels[n] else -1) * float(logits[n, c])) ** 2 for n in range(6) for c in range(10)
    ]
    torch.testing.assert_close(float(hinge), sum(terms) / 60)


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)]
)
def test_weight_decay_acts_on_latent_weights_alone(name, kind):
    config = small(optimizer=name, weight_decay=0.5)
    network = BinaryNetwork(config, (8, 8, 1), 10)
    optimizer = make_optimizer(network, config.training)
    assert type(optimizer) is kind
    latent, others = optimizer.param_groups
    assert (latent["weight_decay"], others["weight_decay"]) == (0.5, 0.0)
    assert [id(p) for p in latent["params"]] == [id(stage.matrix.weight) for stage in network.stage_list()]
    assert len(latent["params"]) + len(others["params"]) == len(list(network.parameters()))


def test_the_result_is_frozen(trained):
    with pytest.raises(dataclasses.FrozenInstanceError):
        trained[1].epochs = 3
