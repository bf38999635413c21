"""ResNet-20 in the simulator's benchmark: ours beside onnxruntime's float graph of the same network."""

from __future__ import annotations

from functools import partial

import numpy as np

from bnn import classes_of
from flow.bench.peers import CHECKED_FRAMES, Run, session
from flow.bench.residual import Order, random_resnet20
from flow.bench.residual_onnx import residual_onnx
from flow.bench.standard_onnx import SignAs
from flow.run.figures.bench import Check
from hw.simulator import Backend, simulate

FRAMES = (256, 1024)
BATCHES = (1, 8, 32, 128)
NUMPY_FRAMES = 32

RESIDUALS = {"ResNet-20 grid": Order.GRID, "ResNet-20 integer": Order.INTEGER}


class ResidualCase:
    """ResNet-20 of one order with random weights. Its integers are small enough to be exact in float32 as well."""

    def __init__(self, order: Order, threads: int) -> None:
        self.threads = threads
        self.network = random_resnet20(order)
        self.sessions = {sign_as: session(residual_onnx(self.network, sign_as), threads) for sign_as in SignAs}
        shape = (max(FRAMES), *self.network.input.shape)
        self.images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        self._pixels = np.ascontiguousarray(self.images.transpose(0, 3, 1, 2), np.float32)

    def contestants(self) -> dict[str, dict[str, Run]]:
        """What can be measured, by who and by how."""
        return {
            "numba": {f"{frames} frames": partial(self._ours, Backend.NUMBA, frames) for frames in FRAMES},
            "numpy": {"": partial(self._ours, Backend.NUMPY, NUMPY_FRAMES)},
            "onnxruntime": {
                f"{sign_as.value}, batch {batch}": partial(self._session, sign_as, batch)
                for sign_as in SignAs
                for batch in BATCHES
            },
        }

    def check(self) -> Check:
        """Frames on which somebody's class is another than the NumPy reference's, and how far the scores are."""
        images = self.images[:CHECKED_FRAMES]
        scores = simulate(self.network, images, backend=Backend.NUMPY)
        given = {"pixels": self._pixels[:CHECKED_FRAMES]}
        peers = {f"onnxruntime {way.value}": peer.run(None, given)[0] for way, peer in self.sessions.items()}
        results = {"numba": simulate(self.network, images, backend=Backend.NUMBA), **peers}
        classes = classes_of(scores)
        return Check(
            frames=CHECKED_FRAMES,
            other_classes={name: int((classes_of(found) != classes).sum()) for name, found in results.items()},
            onnxruntime_logits_farthest=max(float(np.abs(found - scores).max()) for found in peers.values()),
        )

    def _ours(self, backend: Backend, frames: int) -> int:
        simulate(self.network, self.images[:frames], backend=backend, threads=self.threads)
        return frames

    def _session(self, sign_as: SignAs, batch: int) -> int:
        self.sessions[sign_as].run(None, {"pixels": self._pixels[:batch]})
        return batch
