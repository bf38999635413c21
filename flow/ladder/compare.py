"""The one comparison of answers: integers score by score, floats by the order of their classes."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.classes import classes_of


class Comparison(Enum):
    """How a rung's answers are held to golden; the values are what results and reports say."""

    SCORES = "scores"
    """Integers: every score must be equal."""
    ORDER = "order of classes"
    """Floats: the classes must be in the same order, ties included. Logits and scores agree in nothing else."""

    def mismatching_frames(self, scores: NDArray[Any], golden_scores: NDArray[Any]) -> NDArray[np.int64]:
        """Indices of frames whose answers differ from golden's."""
        if self is Comparison.SCORES:
            different = scores != golden_scores
        else:
            different = dense_ranks(scores) != dense_ranks(golden_scores)
        return np.flatnonzero(different.any(axis=1))


def accuracy(scores: NDArray[Any], labels: NDArray[np.int64] | None) -> float | None:
    """Share of frames whose highest score (ties: the lower index) is the label, 0..1; None without labels."""
    return None if labels is None else float((classes_of(scores) == labels).mean())


def dense_ranks(scores: NDArray[Any]) -> NDArray[np.int64]:
    """The order of (n, classes) scores: per frame, 0 for the lowest; equal scores have equal ranks.

    Logits and integer scores say the same exactly when their ranks do, ties included.
    """
    order = np.argsort(scores, axis=1, kind="stable")
    in_order = np.take_along_axis(scores, order, axis=1)
    steps = np.concatenate([np.zeros((len(scores), 1), bool), in_order[:, 1:] != in_order[:, :-1]], axis=1)
    ranks = np.empty(scores.shape, np.int64)
    np.put_along_axis(ranks, order, np.cumsum(steps, axis=1), axis=1)
    return ranks
