"""The integer network's accuracy while it is trained. The oracle is the trained PyTorch model's own accuracy."""

import dataclasses

import torch

from flow.stages.measure import integer_accuracy
from tests.support.models import model_of
from training.config.load import load_config
from training.data.datasets import load_dataset
from training.fit.evaluate import accuracy
from training.networks.residual import ResidualNetwork


def network_of(layers, **activation):
    return model_of({"layers": layers}, (8, 8, 1), 10, seed=1, activation=activation)


def test_it_is_the_accuracy_of_the_model():
    test = load_dataset("digits").test
    for layers in ([{"dense": 40}], [{"conv": 10}, {"pool": 2}, {"dense": 20}]):
        model = network_of(layers, threshold_shift=0.25)
        images = torch.from_numpy(test.images[:64]).permute(0, 3, 1, 2).float()
        for _ in range(5):  # some statistics, so that the classes differ
            model(images)
        labels = model.eval()(torch.from_numpy(test.images).permute(0, 3, 1, 2).float()).argmax(1).numpy()
        labels[::3] = (labels[::3] + 1) % 10  # a third of them wrong
        split = dataclasses.replace(test, labels=labels)
        model.train()
        assert integer_accuracy(model, split) == accuracy(model, split)
        assert 0.6 < integer_accuracy(model, split) < 0.7
        assert model.training


def test_there_is_none_of_what_the_integer_network_cannot_hold():
    config = load_config("resnet20-bireal-cifar10")
    test = load_dataset("digits").test
    assert integer_accuracy(ResidualNetwork(config, (8, 8, 1), 10), test) is None
    twin = network_of([{"dense": 40}], hardtanh={})
    assert integer_accuracy(twin, test) is None
    model = network_of([{"dense": 40}], pre_activation="prelu", threshold_shift=0.5)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.PReLU):
                module.weight.fill_(-1.0)  # fires on both sides: no single comparator
    assert integer_accuracy(model, test) is None
