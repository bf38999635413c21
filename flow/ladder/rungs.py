"""The rungs of the ladder: every way to run the same network, behind one interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bnn.chain import as_chain
from bnn.counts import as_counted
from bnn.errors import UserError
from bnn.network import Network
from bnn.values import NetworkError
from finn_build.board import evaluator
from flow.ladder.chips import ChipRung
from flow.ladder.compare import Comparison
from flow.run.folder import Origin, RunFolder, same_hash
from hw.simulator import Backend, reference_meaning, simulate, trace

Progress = Callable[[int], None]
Trace = dict[str, NDArray[Any]]  # node -> (n, H, W, C) bits or integers; the last node -> (n, classes) scores

REFERENCE_BATCH = 256


class Rung(Protocol):
    """One way to compute the network's answers.

    Attributes:
        name: as `askew ladder --rungs` calls it.
        default_frames: how many frames a ladder gives it unless told; None for all.
        comparison: how its answers are held to golden.
    """

    name: str
    default_frames: int | None
    comparison: Comparison

    def scores(self, images: NDArray[np.uint8], progress: Progress | None = None) -> NDArray[Any]:
        """(n, classes) scores or logits of (n, H, W, C) images; only their order counts."""

    def trace(self, images: NDArray[np.uint8]) -> Trace:
        """What layers or nodes give, in the meaning of the trained model."""


class ReferenceRung:
    """The trained PyTorch model."""

    name = "reference"
    default_frames: int | None = None
    comparison = Comparison.ORDER

    def __init__(self, run: RunFolder) -> None:
        from training.config.load import load_config  # noqa: PLC0415 - torch takes seconds to import
        from training.fit.train import load_exportable  # noqa: PLC0415

        self._model = load_exportable(run.require(run.checkpoint, "train"), load_config(run.config))
        self._network = run.network()

    def scores(self, images: NDArray[np.uint8], progress: Progress | None = None) -> NDArray[Any]:
        """Logits, float32."""
        import torch  # noqa: PLC0415

        parts = []
        with torch.no_grad():
            for start in range(0, len(images), REFERENCE_BATCH):
                batch = images[start : start + REFERENCE_BATCH].transpose(0, 3, 1, 2)
                parts.append(self._model(torch.from_numpy(batch.astype(np.float32))).numpy())
                if progress:
                    progress(len(batch))
        return np.concatenate(parts)

    def trace(self, images: NDArray[np.uint8]) -> Trace:
        """The model's own bits and integers, and its logits under the last layer's name."""
        return as_counted(self._network, self._model.values(images))


class QonnxRung:
    """The exported file, executed node by node by qonnx."""

    name = "qonnx"
    default_frames: int | None = 500
    comparison = Comparison.ORDER

    def __init__(self, run: RunFolder) -> None:
        from onnx_export.execute import QonnxExecutor  # noqa: PLC0415

        self._executor = QonnxExecutor(run.require(run.model, "export"))
        self._network = run.network()
        same_hash(self._network.hash, self._executor.network_hash, str(run.network_file), str(run.model))

    def scores(self, images: NDArray[np.uint8], progress: Progress | None = None) -> NDArray[Any]:
        """Logits, float32."""
        return self._executor.scores(images, progress)

    def trace(self, images: NDArray[np.uint8]) -> Trace:
        """The tensors that the layers' names are on: bits, and of a graph integers too, as the network counts."""
        return as_counted(self._network, self._executor.trace(images))


class IntegerRung:
    """The integer network in one of the simulator's backends."""

    default_frames: int | None = None
    comparison = Comparison.SCORES

    def __init__(self, network: Network, backend: Backend) -> None:
        self.name = backend.value
        self._network = network
        self._backend = backend

    def scores(self, images: NDArray[np.uint8], progress: Progress | None = None) -> NDArray[Any]:
        """Integer scores."""
        return simulate(self._network, images, backend=self._backend, progress=progress)

    def trace(self, images: NDArray[np.uint8]) -> Trace:
        """Every node's value, with what a falling activation inverted turned back."""
        return reference_meaning(self._network, trace(self._network, images, backend=self._backend))


class RtlRung:
    """Our own RTL under the run's folding, in Verilator."""

    name = "rtl"
    default_frames: int | None = 100
    comparison = Comparison.SCORES

    def __init__(self, run: RunFolder) -> None:
        from flow.stages.hardware import delivered_design, simulated_design, stream  # noqa: PLC0415 - Numba

        chain = run.chain()
        self._network = chain.network()
        self._design = simulated_design(delivered_design(run, chain))
        self._stream = stream

    def scores(self, images: NDArray[np.uint8], progress: Progress | None = None) -> NDArray[Any]:
        """Integer scores, from the stream into the last unit."""
        scores = self._stream(self._design, images).scores
        if progress:
            progress(len(images))
        return scores

    def trace(self, images: NDArray[np.uint8]) -> Trace:
        """What every layer's stream carried, with what a pool inverted turned back."""
        return reference_meaning(self._network, self._stream(self._design, images, capture=True).captured)


class FinnRung:
    """The last graph of FINN's compiler, which `askew finn estimate` left, executed in the bits of its own types."""

    name = "finn"
    default_frames: int | None = 20
    comparison = Comparison.SCORES

    def __init__(self, run: RunFolder) -> None:
        from finn_build.worker.rung import FinnGraph  # noqa: PLC0415 - onnx takes seconds to import

        self._graph = FinnGraph(run.chain(), run.finn)

    def scores(self, images: NDArray[np.uint8], progress: Progress | None = None) -> NDArray[Any]:
        """Integer scores."""
        return self._graph.scores(images, progress)

    def trace(self, images: NDArray[np.uint8]) -> Trace:
        """Bits of every layer."""
        return self._graph.trace(images)


class PlainRung:
    """The integer network in the plain evaluator that the board is held to: it shares no code with the simulator."""

    name = "plain"
    default_frames: int | None = 500
    comparison = Comparison.SCORES

    def __init__(self, run: RunFolder) -> None:
        self._chain = run.chain()

    def scores(self, images: NDArray[np.uint8], progress: Progress | None = None) -> NDArray[Any]:
        """Integer scores."""
        found = evaluator.scores(self._chain, images)
        if progress:
            progress(len(images))
        return found

    def trace(self, images: NDArray[np.uint8]) -> Trace:
        """Bits of every layer, with what a pool inverted turned back."""
        traced = evaluator.trace(self._chain, images)
        last = self._chain.layers[-1].name
        answered = {**traced, last: evaluator.scores_of(self._chain, traced[last])}
        return reference_meaning(self._chain.network(), answered)


class FileRung:
    """The file that a run was imported from, executed as it stands."""

    name = "reference"
    default_frames: int | None = 500
    comparison = Comparison.ORDER

    def __init__(self, run: RunFolder) -> None:
        from onnx_export.foreign import ForeignFile  # noqa: PLC0415 - onnx takes seconds to import

        meaning = {key: value for key, value in run.import_table().items() if key.startswith("input_")}
        self._file = ForeignFile(run.require(run.model, "import"), **meaning)
        self._last_layer = run.network().output.name

    def scores(self, images: NDArray[np.uint8], progress: Progress | None = None) -> NDArray[Any]:
        """Logits, float32."""
        return self._file.scores(images, progress)

    def trace(self, images: NDArray[np.uint8]) -> Trace:
        """Its logits alone, under the last layer's name: its other tensors bear names of their own."""
        return {self._last_layer: self._file.scores(images)}


@dataclass(frozen=True)
class _Kind:
    """How a rung is opened, and the artefacts that its answers depend on: in any run, and in those of some origins.

    Attributes:
        open: opens it.
        needs: artefacts.
        needs_of: artefacts in their place, by a run's origin.
        executes_file: it needs an ONNX file, or a trained model.
    """

    open: Callable[[RunFolder], Rung]
    needs: tuple[str, ...]
    needs_of: Mapping[Origin, tuple[str, ...]] = field(default_factory=dict)
    executes_file: bool = False


def _file_rung(run: RunFolder) -> Rung:
    """The run's ONNX file: somebody's own, or the one that was exported from the trained model."""
    return FileRung(run) if run.origin is Origin.IMPORTED else QonnxRung(run)


_RUNGS: dict[str, _Kind] = {
    "reference": _Kind(
        lambda run: ReferenceRung(run) if run.origin is Origin.TRAINED else _file_rung(run),
        ("config", "checkpoint"),
        {Origin.IMPORTED: ("model",), Origin.ZOO: ("model", "network")},
        executes_file=True,
    ),
    "qonnx": _Kind(_file_rung, ("model", "network"), {Origin.IMPORTED: ("model",)}, executes_file=True),
    "numpy": _Kind(lambda run: IntegerRung(run.network(), Backend.NUMPY), ("network",)),
    "numba": _Kind(lambda run: IntegerRung(run.network(), Backend.NUMBA), ("network",)),
    "plain": _Kind(PlainRung, ("network",)),
    "rtl": _Kind(RtlRung, ("network", "folding")),
    "top": _Kind(lambda run: ChipRung("top", run), ("network", "chip")),
    "netlist": _Kind(lambda run: ChipRung("netlist", run), ("network", "chip", "netlist")),
    "routed": _Kind(lambda run: ChipRung("routed", run), ("network", "chip", "routed netlist")),
    "finn": _Kind(FinnRung, ("network", "finn estimate")),
}


def default_rungs(run: RunFolder) -> tuple[str, ...]:
    """The rungs of a ladder unless told: all that need no hardware, and each only once."""
    plain = ("plain",) if _may_be_chain(run) else ()  # it knows chains alone, as the hardware does
    if run.origin is Origin.TRAINED:
        return ("reference", "qonnx", "numpy", *plain)
    if run.origin is Origin.ZOO:  # its reference is the exported file
        return ("qonnx", "numpy", *plain)
    return ("reference", "numpy", *plain) if run.has_model else ("numpy", *plain)


def _may_be_chain(run: RunFolder) -> bool:
    """Whether the run's network is a chain; true as well where there is no whole network yet to see it by."""
    try:
        network = run.network()
    except UserError:
        return True
    try:
        as_chain(network)
    except NetworkError:
        return False
    return True


def open_rung(name: str, run: RunFolder) -> Rung:
    """The rung of that name for this run; UserError lists the names there are."""
    try:
        return _kind(name, run).open(run)
    except NetworkError as error:
        raise UserError(f"rung {name!r}: cannot compute this network, leave it out; {error}") from error


def rung_needs(name: str, run: RunFolder) -> tuple[str, ...]:
    """The artefacts that a rung's answers depend on, golden included; UserError lists the names there are."""
    kind = _kind(name, run)
    return (*kind.needs_of.get(run.origin, kind.needs), "golden")


def _kind(name: str, run: RunFolder) -> _Kind:
    if name not in _RUNGS:
        raise UserError(f"rung {name!r}: unknown, must be one of {', '.join(_RUNGS)}")
    kind = _RUNGS[name]
    if kind.executes_file and not run.has_model:
        raise UserError(
            f"rung {name!r}: {run.path} was imported from a network file, so there is no ONNX file to execute; "
            "leave the rung out"
        )
    return kind
