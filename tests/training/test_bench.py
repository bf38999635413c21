"""The training benchmark measures what it says: the plain loop is checked against our network, the times are not."""

import json

import pytest
import torch

from training.bench import PlainTraining, bench_training
from training.config import parse_config
from training.datasets import load_dataset
from training.models import BinaryNetwork, to_pixels


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
