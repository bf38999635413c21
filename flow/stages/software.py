"""The stages from images to golden answers: train, export, simulate. What is up to date is not done again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.errors import UserError
from bnn.files import write_figures
from bnn.network import Network
from bnn.serialize import save_network
from bnn.version import VERSION
from flow.ladder.climb import accuracy, mismatching_frames
from flow.run.figures import ExportFigures, read_figures
from flow.run.folder import Golden, RunError, RunFolder, sha256
from flow.run.plus_fraction import PROFILE_FRAMES, describe_fractions
from flow.run.progress import console, progress_bar
from flow.stages.simulation import timed_simulation
from hw.simulator import Backend, available_backends, reference_meaning, simulate, trace


def train(
    config_name: str,
    path: Path,
    overrides: Sequence[str],
    *,
    data_dir: Path | None,
    devices: int,
    num_nodes: int,
    threads: int | None,
    force: bool,
) -> None:
    """Train the model that a config describes into ``path``, or go on where an interrupted training stopped."""
    from training.config.load import load_config  # noqa: PLC0415 - torch takes seconds to import

    config = load_config(config_name, overrides)
    run = RunFolder.claim(path, config.to_toml())
    if run.checkpoint.exists() and not force:
        from training.fit.train import load_trained  # noqa: PLC0415

        load_trained(run.checkpoint, config)  # refuses a damaged file, and one of another model
        console.print(f"train: {run.checkpoint} is up to date")
        return
    from flow.stages.measure import integer_accuracy  # noqa: PLC0415
    from training.fit.train import train as fit  # noqa: PLC0415

    try:
        result = fit(
            config,
            run.path,
            data_dir=data_dir,
            devices=devices,
            num_nodes=num_nodes,
            threads=threads,
            restart=force,
            measure=integer_accuracy,
        )
    except UserError:
        run.release()
        raise
    if result.images:
        console.print(f"train: images: {result.images}", highlight=False)
    console.print(f"train: {run.checkpoint}, test accuracy {result.test_accuracy:.2%}")


def export(path: Path, *, data_dir: Path | None, force: bool) -> None:
    """Absorb the trained model into ``network.npz``, write ``model.onnx`` and the golden answers to the test set."""
    run = RunFolder.open(path)
    checkpoint_sha256 = sha256(run.require(run.checkpoint, "train --config NAME"))
    stamp = run.path / "export.json"
    if stamp.exists() and not force and _is_exported(run, stamp, checkpoint_sha256):
        console.print(f"export: {run.network_file} is up to date")
        return
    from onnx_export.absorb import absorb  # noqa: PLC0415 - torch takes seconds to import
    from onnx_export.export import export_qonnx  # noqa: PLC0415
    from training.config.load import load_config  # noqa: PLC0415
    from training.data.datasets import load_dataset  # noqa: PLC0415
    from training.fit.train import load_trained  # noqa: PLC0415

    config = load_config(run.config)
    model = load_trained(run.checkpoint, config)
    network = absorb(model.staged())
    dataset = load_dataset(config.data.name, data_dir, config.data.preparation)
    test = dataset.test
    images = test.pixels
    stamp.unlink(missing_ok=True)
    save_network(network, run.network_file)
    export_qonnx(
        model,
        network.input.shape,
        run.model,
        network_hash=network.hash,
        layer_names=[layer.name for layer in network.layers],
    )
    with progress_bar("golden answers", len(images)) as progress:
        scores = simulate(network, images, backend=Backend.NUMPY, progress=progress)
    golden = Golden(images, test.labels, scores)
    run.write_golden(golden, network)
    write_figures(
        stamp,
        {
            "network_hash": network.hash,
            "askew_version": VERSION,
            "checkpoint_sha256": checkpoint_sha256,
            "sha256": {file.name: sha256(file) for file in (run.network_file, run.model)},
            "accuracy": accuracy(scores, test.labels),
            "frames": len(golden),
            "images": dataset.preparation,
            "class_names": list(dataset.class_names),
        },
    )
    if dataset.preparation:
        console.print(f"export: images: {dataset.preparation}", highlight=False)
    console.print(
        f"export: {run.network_file}, network {network.hash[:12]}, {network.weight_bits:,} weight bits, "
        f"accuracy {accuracy(scores, test.labels):.2%} on {len(golden):,} frames"
    )


def _is_exported(run: RunFolder, stamp_file: Path, checkpoint_sha256: str) -> bool:
    stamp = read_figures(stamp_file, ExportFigures, "delete it and export again", RunError)
    if stamp.get("checkpoint_sha256") != checkpoint_sha256 or stamp.get("askew_version") != VERSION:
        return False
    return all(
        file.exists() and sha256(file) == stamp["sha256"].get(file.name) for file in (run.network_file, run.model)
    )


def simulate_run(
    path: Path, *, frames: int | None, backend: Backend | None, threads: int | None
) -> tuple[dict[str, Any], NDArray[np.int32]]:
    """Run the integer network on the golden frames; the figures, also written to ``simulate.json``, and the scores."""
    run = RunFolder.open(path)
    network = run.network()
    golden = run.golden(network).first(frames)
    chosen = backend or available_backends()[0]
    scores, rate = timed_simulation(network, golden.images, chosen, threads)
    figures = {
        "frames": len(golden),
        "accuracy": accuracy(scores, golden.labels),
        "mismatches": len(mismatching_frames(scores, golden.scores)),
        "frames_per_second": rate,
        "backend": chosen.value,
        "layers": profile(network, golden),
    }
    run.write_result("simulate", network, figures)
    return figures, scores


def profile(network: Network, golden: Golden) -> dict[str, dict[str, Any]]:
    """Per layer with bits, over the first frames: the fraction of +1, in all and per channel."""
    images = golden.images[:PROFILE_FRAMES]
    traced = reference_meaning(network, trace(network, images, backend=Backend.NUMPY))
    layers = {}
    for name, bits in list(traced.items())[:-1]:
        per_channel = bits.mean(axis=(0, 1, 2))
        layers[name] = describe_fractions(per_channel) | {
            "constant_channels": int(((per_channel == 0) | (per_channel == 1)).sum()),
            "channels": int(bits.shape[3]),
        }
    return layers


def find_backend(name: str | None) -> Backend | None:
    """The backend of that name; UserError lists the names there are. None stays None."""
    if name is None:
        return None
    try:
        return Backend(name)
    except ValueError:
        names = ", ".join(backend.value for backend in Backend)
        raise UserError(f"--backend {name}: unknown, must be one of {names}") from None
