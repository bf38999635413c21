"""The build package: one folder with everything that FINN needs to build the network, and nothing from elsewhere.

model.onnx                     FINN's graph of the integer network
dataflow_build_config.json     what to build, for which board; both FINN and finn-plus read it
folding_config.json            PE and SIMD of every unit, and the types of its integers
accumulator_config.json        in its place where FINN is to fold: the types alone
specialize_layers_config.json  HLS or RTL for every unit
input.npy, expected_output.npy frames and golden answers, which FINN's verification holds its own stages to
validation/                    the frames for the board: images, labels where there are any, golden scores
network.npz                    the network itself
manifest.json                  which network and configuration this is, and every file's checksum; written last
"""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn import Chain, classes_of, save_network
from bnn.files import atomic_path, write_json
from bnn.readers import door, read_json
from bnn.version import VERSION
from finn_build.board.evaluator import scores, trace
from finn_build.compiler.form import finn_form
from finn_build.compiler.nodes import finn_nodes, gives_labels, input_shape, output_shape
from finn_build.compiler.widths import type_attributes
from finn_build.errors import FinnError
from finn_build.package.extremes import extreme_frames
from finn_build.package.folding import folding_config
from finn_build.package.settings import BuildSettings, Frames

MANIFEST = "manifest.json"
CONFIG = "dataflow_build_config.json"
OUTPUT = "output"
MODELS = "intermediate_models"  # in it: a graph for every step of FINN's
VALIDATION = "validation"
LABELS = f"{VALIDATION}/labels.npy"
PYTHON_CHECKS = ("initial_python", "streamlined_python")
HARDWARE_CHECKS = ("folded_hls_cppsim", "stitched_ip_rtlsim")


def write_package(
    folder: Path, network: Chain, frames: Frames, settings: BuildSettings, *, force: bool = False
) -> dict[str, Any]:
    """Write the package, or leave it where it is there already; returns its manifest.

    Args:
        folder: becomes the package.
        network: what to build.
        frames: at least ``settings.verify_frames``; all of them go to the board.
        settings: board, clock, folding.
        force: delete what another network or configuration left in ``folder``.

    Raises:
        GraphError: FINN cannot hold the network.
        UserError: the settings do not fit, or the folder holds the output of something else.
        OSError: the disk is full or not writable.
    """
    settings.verify(network, frames)
    form = finn_form(network)
    chosen = extreme_frames(form.network, frames.images, settings.verify_frames)
    expected = _expected_output(form.network, frames, chosen)
    configuration = _configuration(network, form.network, chosen, frames, settings)
    labels = None if frames.labels is None else _npy(frames.labels)
    if (folder / MANIFEST).exists():
        existing = read_manifest(folder)
        same_labels = existing["sha256"].get(LABELS) == (labels and hashlib.sha256(labels).hexdigest())
        if existing["configuration"] == configuration and same_labels and not damaged_files(folder, existing):
            return existing
        _clear(folder, existing, configuration, force)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / VALIDATION).mkdir(exist_ok=True)
    from finn_build.compiler.graph import build_graph  # noqa: PLC0415 - onnx takes a second to import

    with atomic_path(folder / "model.onnx") as temporary:
        build_graph(form.network, network.hash).save(str(temporary))
    save_network(network.network(), folder / "network.npz")
    verified = frames.images[chosen].reshape(-1, *input_shape(network)[1:])
    arrays: dict[str, NDArray[Any]] = {
        "input.npy": verified.astype(np.float32),
        "expected_output.npy": expected,
        f"{VALIDATION}/images.npy": frames.images,
        f"{VALIDATION}/scores.npy": frames.scores,
    }
    for name, array in arrays.items():
        with atomic_path(folder / name) as temporary, temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
    if labels is None:
        (folder / LABELS).unlink(missing_ok=True)
    else:
        with atomic_path(folder / LABELS) as temporary:
            temporary.write_bytes(labels)
    nodes = finn_nodes(form.network, settings.compiler)
    units: dict[str, dict[str, Any]] = {"Defaults": {}}
    if settings.folding is not None:
        units = folding_config(form.network, settings.folding, settings.compiler, settings.ram_styles)
    for name, attributes in configuration["integer_types"].items():
        units.setdefault(name, {}).update(attributes)
    write_json(folder / _units_file(settings), units)
    styles = {node.general_name: {"preferred_impl_style": node.op_type_specialized[-3:]} for node in nodes}
    write_json(folder / "specialize_layers_config.json", {"Defaults": {}, **styles})
    write_json(folder / CONFIG, _build_config(settings))
    names = [*arrays, *([LABELS] if labels else [])]
    manifest: dict[str, Any] = {
        "network_hash": network.hash,
        "askew_version": VERSION,
        "configuration": configuration,
        "gives": "label" if gives_labels(network) else "accumulators",
        "nodes": [{"name": node.name, "layer": node.layer, "role": node.role.value} for node in nodes],
        "sha256": {name: _sha256(folder / name) for name in _file_names(settings, names)},
    }
    write_json(folder / MANIFEST, manifest)
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a package; FinnError where there is none or it is damaged."""
    file = folder / MANIFEST
    try:
        with door(file, "damaged", f"delete {folder} and package again", FinnError):
            manifest = read_json(file, f"delete {folder} and package again")
            _check_form(manifest)
    except FileNotFoundError:
        raise FinnError(f"{folder}: no build package there; write one with `askew finn package`") from None
    return manifest


def _check_form(manifest: dict[str, Any]) -> None:
    """Raise TypeError where a manifest lacks what others read from it; KeyError where it lacks it wholly."""
    texts = {"network_hash": [manifest["network_hash"]], "sha256": [*manifest.get("sha256", {}).values()]}
    texts["nodes"] = [node[key] for node in manifest.get("nodes", []) for key in ("name", "layer", "role")]
    wrong = [key for key, found in texts.items() if not all(isinstance(text, str) for text in found)]
    if wrong or not isinstance(manifest["configuration"], dict):
        raise TypeError(f"its {(wrong or ['configuration'])[0]} is of another type")


def damaged_files(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Names of the package's files that are missing or not what the manifest says."""
    checksums: dict[str, str] = manifest["sha256"]
    return [
        name for name, wanted in checksums.items() if not (folder / name).exists() or _sha256(folder / name) != wanted
    ]


def _expected_output(network: Chain, frames: Frames, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
    """What FINN's graph must give for these frames; FinnError where the golden answers are not the network's."""
    images = frames.images[chosen]
    looked_at = np.union1d(chosen, np.arange(len(chosen)))  # the first frames too: all may be extreme for one reason
    if not np.array_equal(scores(network, frames.images[looked_at]), frames.scores[looked_at]):
        raise FinnError("finn: the golden answers are not this network's; export the run again")
    if gives_labels(network):
        answers: NDArray[Any] = classes_of(frames.scores[chosen])
    else:
        answers = trace(network, images)[network.layers[-1].name]
    return answers.reshape(len(chosen), *output_shape(network)[1:]).astype(np.float32)


def _configuration(
    network: Chain, form: Chain, chosen: NDArray[np.int64], frames: Frames, settings: BuildSettings
) -> dict[str, Any]:
    """All that decides what FINN builds; two packages with the same are the same."""
    folding = settings.folding
    memories = {"ram_styles": {layer: dict(styles) for layer, styles in settings.ram_styles.items()}}
    return {
        "network_hash": network.hash,
        "board": settings.board.name,
        "part": settings.board.part,
        "integer_types": type_attributes(form, settings.compiler),
        "clock_mhz": settings.clock_mhz,
        "compiler": settings.compiler.value,
        "folding": None
        if folding is None
        else {name: {"pe": pe, "simd": simd} for name, (pe, simd) in folding.items()},
        "target_fps": settings.target_fps,
        "verify_frames": settings.verify_frames,
        "verified_frames": chosen.tolist(),
        "frames": len(frames.images),
        "frames_sha256": hashlib.sha256(frames.images.tobytes()).hexdigest(),
        **(memories if settings.ram_styles else {}),
    }


def _build_config(settings: BuildSettings) -> dict[str, Any]:
    """FINN's configuration with the keys that both FINN and finn-plus know."""
    outputs = ["estimate_reports", "stitched_ip", "rtlsim_performance", "out_of_context_synth"]
    config: dict[str, Any] = {
        "output_dir": OUTPUT,
        "synth_clk_period_ns": 1000.0 / settings.clock_mhz,
        "generate_outputs": outputs,
        "board": settings.board.name,
        "specialize_layers_config_file": "specialize_layers_config.json",
        "verify_steps": [*PYTHON_CHECKS, *HARDWARE_CHECKS],
        "verify_input_npy": "input.npy",
        "verify_expected_output_npy": "expected_output.npy",
        "save_intermediate_models": True,
        "enable_build_pdb_debug": False,
        "folding_config_file": _units_file(settings),
        "minimize_bit_width": False,  # it narrows accumulators below what popcounts reach; compiler.widths sizes them
    }
    if settings.board.shell is not None:
        config["shell_flow_type"] = settings.board.shell.value
        config["generate_outputs"] = [*outputs, "bitfile", "pynq_driver", "deployment_package"]
    if settings.folding is None:
        config["target_fps"] = settings.target_fps
    return config


def _clear(folder: Path, existing: Mapping[str, Any], configuration: Mapping[str, Any], force: bool) -> None:
    """Remove an older package; FinnError where that would delete what FINN has built of something else."""
    old = existing["configuration"]
    changed = next((key for key in {**configuration, **old} if old.get(key) != configuration.get(key)), None)
    if changed and (folder / OUTPUT).exists() and not force:
        what = f"network {str(old.get('network_hash'))[:12]}" if changed == "network_hash" else f"another {changed}"
        raise FinnError(
            f"{folder / OUTPUT}: holds what FINN built of {what}; delete {folder} or add --force to build anew"
        )
    (folder / MANIFEST).unlink()
    if changed:
        shutil.rmtree(folder)


def _npy(array: NDArray[Any]) -> bytes:
    """The bytes of a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _file_names(settings: BuildSettings, arrays: Sequence[str]) -> list[str]:
    return ["model.onnx", "network.npz", CONFIG, "specialize_layers_config.json", _units_file(settings), *arrays]


def _units_file(settings: BuildSettings) -> str:
    """What FINN sets its units' attributes from; named for what it holds."""
    return "accumulator_config.json" if settings.folding is None else "folding_config.json"


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
