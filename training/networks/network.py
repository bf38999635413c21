"""What all trainable networks have in common: the training, its measurements and the checkpoints ask no more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnn.stage import ModelGraph
from bnn.values import Shape
from training.fit.arithmetic import PLAIN, Arithmetic
from training.networks.layers import ThresholdShift


class TrainableNetwork(nn.Module, ABC):
    """Takes float32 pixel values 0..255 (n, c, h, w), not scaled; gives logits (n, classes).

    Attributes:
        shape: (H, W, C) of the images.
        classes: number of logits.
        input_pixel: the pixel value from which a 1-bit input is +1; None where the input is the pixel itself.
        refusal: why the integer network cannot hold it, as one line; None where it can.
        arithmetic: in which it trains; evaluation, and what ``staged`` gives, are in plain float32 whatever this is.
    """

    shape: Shape
    classes: int
    input_pixel: int | None = None
    refusal: str | None = None
    arithmetic: Arithmetic = PLAIN

    def use(self, arithmetic: Arithmetic) -> None:
        """Train in this arithmetic from now on."""
        self.arithmetic = arithmetic

    def in_fast_layout(self, encoded: Tensor) -> Tensor:
        """What pixels became, in the type and memory format in which a CPU's convolutions are fastest."""
        if self.training and self.arithmetic != PLAIN:  # pixels and +-1 are exact in bfloat16
            return encoded.to(self.arithmetic.dtype, memory_format=torch.channels_last)
        is_faster = self.arithmetic.fused and not self.training  # and not another bit: its sums are exact
        return encoded.contiguous(memory_format=torch.channels_last) if is_faster else encoded

    def _keep_in_bounds(self, latent_weights: Sequence[Tensor]) -> None:
        """What ``clip`` acts on: these, and the PReLU slopes. Called when everything is built."""
        self._latent_weights = list(latent_weights)
        self._slopes = [module.weight for module in self.modules() if isinstance(module, nn.PReLU)]

    @torch.no_grad()
    def clip(self) -> None:
        """Keep latent weights within +-1, where the straight-through estimator holds, and PReLU slopes rising.

        A falling slope would make the activation fire on both sides, which no single threshold can do.
        """
        if self._latent_weights:
            torch._foreach_clamp_min_(self._latent_weights, -1.0)
            torch._foreach_clamp_max_(self._latent_weights, 1.0)
        for slope in self._slopes:
            slope.clamp_(min=0.0)

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return next(self.parameters()).device

    @abstractmethod
    def matrix_weights(self) -> list[nn.Parameter]:
        """The weights of every matrix, latent or real, in order: what weight decay acts on."""

    @abstractmethod
    def trace(
        self, images: NDArray[np.uint8], batch: int = 256
    ) -> tuple[dict[str, NDArray[np.uint8]], NDArray[np.float32]]:
        """Every binary tensor of the network for these images, as in evaluation.

        Args:
            images: (n, H, W, C).
            batch: images at a time.

        Returns:
            Bits (n, h, w, c) by name, and the logits (n, classes).
        """

    def values(self, images: NDArray[np.uint8], batch: int = 256) -> dict[str, NDArray[Any]]:
        """Every exact value that ``staged`` describes, in order, and the logits under the last layer's name.

        Args:
            images: (n, H, W, C).
            batch: images at a time.

        Returns:
            By name bits (n, h, w, c), or integers in steps of their grid; logits (n, classes).
        """
        bits, logits = self.trace(images, batch)
        return {**bits, self.last_layer: logits}

    @property
    def last_layer(self) -> str:
        """What traces of an exported network call its logits."""
        raise NotImplementedError(f"not exported: {self.refusal}")

    def threshold_shifts(self) -> dict[str, ThresholdShift]:
        """The shifts of an exported network's signs, by the names that ``trace`` gives their bits."""
        raise NotImplementedError(f"not exported: {self.refusal}")

    @abstractmethod
    def staged(self) -> ModelGraph:
        """The network as threshold absorption reads it: a copy on the CPU in evaluation mode, free of this one.

        Raises:
            UserError: the integer network cannot hold it; the text is ``refusal``.
        """

    @abstractmethod
    def summary(self) -> str:
        """A line a layer: name, kind, sizes, output."""
