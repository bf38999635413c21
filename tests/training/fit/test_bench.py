"""The training benchmark measures what it says: the plain loop is checked against our network, the times are not."""

import json

import pytest
import torch

from training.config.load import parse_config
from training.data.datasets import load_dataset
from training.fit.bench import bench_training
from training.fit.bench_plain import PlainTraining
from training.fit.bench_steps import bench_steps
from training.networks.models import BinaryNetwork, to_pixels


@pytest.mark.parametrize("input_bits", [1, 8])
def test_the_plain_network_is_ours(input_bits):
    network = {"input_bits": input_bits, "input_threshold": 0.25, "layers": [{"dense": 16}, {"dense": 12}]}
    config = parse_config({"name": "x", "data": {"name": "digits"}, "network": network}, "x")
    dataset = load_dataset("digits")
    torch.manual_seed(0)
    ours, plain = BinaryNetwork(config, dataset.shape, 10), PlainTraining(config, dataset)
    latent = [parameter for name, parameter in plain.model.named_parameters() if parameter.dim() == 2]
    for stage, weight in zip(ours.stage_list(), latent, strict=True):
        weight.data.copy_(stage.matrix.weight.data)
    images = dataset.train.images[:50]
    with torch.no_grad():
        expected = ours(to_pixels(images))
        torch.testing.assert_close(plain.logits(torch.from_numpy(images).flatten(1)), expected)


def test_the_plain_convolutional_network_is_ours():
    layers = [{"conv": 8}, {"pool": 2}, {"conv": 6, "kernel": 2}, {"dense": 12}]
    config = parse_config({"name": "x", "data": {"name": "digits"}, "network": {"layers": layers}}, "x")
    dataset = load_dataset("digits")
    torch.manual_seed(0)
    ours, plain = BinaryNetwork(config, dataset.shape, 10), PlainTraining(config, dataset)
    for stage, weight in zip(ours.stage_list(), plain.weights, strict=True):
        weight.data.copy_(stage.matrix.weight.data)
    images = to_pixels(dataset.train.images[:50])
    with torch.no_grad():
        torch.testing.assert_close(plain.logits(images.to(torch.uint8)), ours(images))


def test_steps_are_counted_in_images_and_compared_with_both_others():
    figures, markdown = bench_steps(images=512, rounds=2, layers=[{"conv": 8}, {"pool": 2}, {"dense": 16}])
    assert json.loads(json.dumps(figures)) == figures
    assert figures["images"] == 512
    for other in ("plain", "before"):
        assert figures[f"ratio_to_{other}"] == pytest.approx(
            figures["ours_images_per_cpu_second"] / figures[f"{other}_images_per_cpu_second"]
        )
    assert markdown.count("\n|") == 5
    assert figures["arithmetic"] in ("bfloat16 fused", "float32 fused")


def test_the_plain_loop_learns():
    config = parse_config({"name": "x", "data": {"name": "digits"}, "network": {"layers": [{"dense": 32}]}}, "x")
    plain = PlainTraining(config, load_dataset("digits"))
    first = plain.epoch()
    assert min(plain.epoch() for _ in range(3)) < first


def test_the_figures_are_a_ratio_and_a_table():
    figures, markdown = bench_training(config_name="digits", repeats=2)
    assert json.loads(json.dumps(figures)) == figures
    assert figures["ratio"] == figures["ours_seconds"] / figures["plain_seconds"]
    assert figures["images"] == 1437
    assert markdown.splitlines()[-1].startswith("| `askew train`")
    assert markdown.splitlines()[-1].endswith(f"| {figures['ratio']:.2f} |")
