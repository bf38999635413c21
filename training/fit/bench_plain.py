"""The networks of Askew as a person would write them in PyTorch alone, with the plainest training loop."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

from bnn.window import NO_PADDING
from training.config.load import Config
from training.data.sources.dataset import Dataset
from training.networks.plan import plan_network


class _PlainSign(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.sign(torch.sign(x) + 0.5)  # 0 counts as +1

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return gradients[0] * (x.abs() <= 1)


class _PlainLinear(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002, PyTorch's name
        sign: Tensor = _PlainSign.apply(self.weight)  # type: ignore[no-untyped-call]
        return functional.linear(input, sign)


class _PlainConv(nn.Conv2d):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002, PyTorch's name
        sign: Tensor = _PlainSign.apply(self.weight)  # type: ignore[no-untyped-call]
        return functional.conv2d(input, sign, stride=self.stride)


class _PlainSignLayer(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        sign: Tensor = _PlainSign.apply(x)  # type: ignore[no-untyped-call]
        return sign


class PlainTraining:
    """A network without padding, whose pools stand behind the activation, in plain PyTorch; and its training."""

    def __init__(self, config: Config, dataset: Dataset) -> None:
        self.model = nn.Sequential(*_modules(config, dataset))
        last = [module for module in self.model if isinstance(module, _PlainLinear)][-1]
        self.scale = nn.Parameter(torch.tensor(last.in_features**-0.5))
        self.optimizer = torch.optim.Adam([*self.model.parameters(), self.scale], lr=config.training.learning_rate)
        self.images = torch.from_numpy(dataset.train.pixels.transpose(0, 3, 1, 2).copy())
        self.labels = torch.from_numpy(dataset.train.labels)
        self.batch_size = config.training.batch_size
        self.pixel = round(config.network.input_threshold * 255) if config.network.input_bits == 1 else None
        self.weights = [module.weight for module in self.model if isinstance(module, (_PlainLinear, _PlainConv))]

    def logits(self, images: Tensor) -> Tensor:
        """(n, classes) of (n, C, H, W) uint8."""
        x = images.float()
        if self.pixel is not None:
            x = torch.sign(x - self.pixel + 0.5)
        y: Tensor = self.model(x) * self.scale
        return y

    def epoch(self) -> float:
        """One pass over the training images; the mean loss."""
        total = 0.0
        order = torch.randperm(len(self.labels))
        steps = len(order) // self.batch_size
        for step in range(steps):
            chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
            loss = functional.cross_entropy(self.logits(self.images[chosen]), self.labels[chosen])
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            with torch.no_grad():
                for weight in self.weights:
                    weight.clamp_(-1.0, 1.0)
            total += loss.item()
        return total / steps


def _modules(config: Config, dataset: Dataset) -> list[nn.Module]:
    modules: list[nn.Module] = []
    for plan in plan_network(config, dataset.shape, dataset.classes):
        assert plan.padding == NO_PADDING
        assert plan.pool_before is None
        if plan.is_convolution:
            modules.append(_PlainConv(plan.input_shape[2], plan.mh, plan.kernel, plan.stride, bias=False))
        else:
            modules += [nn.Flatten(), _PlainLinear(plan.mw, plan.mh, bias=False)]
        if plan.is_last:
            break
        norm = nn.BatchNorm2d if plan.is_convolution else nn.BatchNorm1d
        modules += [norm(plan.mh), _PlainSignLayer()]
        if plan.pool_after is not None:
            modules.append(nn.MaxPool2d(plan.pool_after.kernel, plan.pool_after.stride))
    return modules
