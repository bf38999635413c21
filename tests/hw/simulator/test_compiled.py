"""What only the compiled kernels have: a cache on disk, machines without AVX-512, batches, and being absent."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from bnn import Chain, DenseLayer, Encode, UserError
from hw.simulator import Backend, front, prepare, simulate
from hw.simulator.kernels import compiler

SCRIPT = textwrap.dedent("""
    import logging
    import numpy as np
    from bnn import Chain, ConvLayer, DenseLayer, Encode
    from bnn.encoding import pack_bits
    from hw.simulator import Backend, trace

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rng = np.random.default_rng(0)

    def bits(mh, mw):
        return rng.integers(0, 2, (mh, mw))

    layers = (
        ConvLayer("conv1", pack_bits(bits(64, 27)), 27, rng.integers(-99, 99, 64), kernel=(3, 3), pad_values=[0] * 3),
        ConvLayer("conv2", pack_bits(bits(70, 576)), 576, np.full(70, 288), kernel=(3, 3), pad_values=[0] * 64),
        DenseLayer.from_bits("fc1", bits(33, 4 * 4 * 70), np.full(33, 560)),
        DenseLayer.from_bits("fc2", bits(10, 33), None),
    )
    network = Chain(Encode.pixels((8, 8, 3)), layers).network()
    images = rng.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    ours, theirs = (trace(network, images, backend=backend) for backend in (Backend.NUMBA, Backend.NUMPY))
    for name, values in theirs.items():
        np.testing.assert_array_equal(ours[name], values)
    print("equal")
""")


def run_script(cache, **environment):
    settings = {**os.environ, "NUMBA_CACHE_DIR": str(cache), **environment}
    finished = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=settings, capture_output=True, text=True, check=False, timeout=500
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == "equal\n"
    return finished.stderr


def test_a_machine_without_avx_gives_the_same_bits_and_compiles_once(tmp_path):
    # "generic" is any x86-64 machine (or any Arm one); the oracle is the NumPy reference.
    plain = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    first = run_script(tmp_path, **plain)
    assert first.count("compiling the simulator's kernels for this machine") == 1
    assert str(tmp_path) in first
    assert "compiling" not in run_script(tmp_path, **plain)


def small_network():
    rng = np.random.default_rng(1)
    layer = DenseLayer.from_bits("fc", rng.integers(0, 2, (10, 64)), None)
    return Chain(Encode.threshold((8, 8, 1), 128), (layer,)).network()


def test_a_cache_that_cannot_be_written_is_done_without(monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/dev/null/kernels")
    assert compiler.cache_folder() is None


def test_where_numba_is_missing_numpy_computes(monkeypatch):
    monkeypatch.setattr(front, "find_spec", lambda name: None)
    network = small_network()
    images = np.random.default_rng(2).integers(0, 256, (5, 8, 8, 1), dtype=np.uint8)
    assert front.available_backends() == (Backend.NUMPY,)
    np.testing.assert_array_equal(simulate(network, images), simulate(network, images, backend=Backend.NUMPY))
    with pytest.raises(UserError, match="backend numba: is not installed"):
        simulate(network, images, backend=Backend.NUMBA)


def test_read_only_images_are_not_compiled_for():
    # Numba takes a read-only array for another type, which would cost seconds in the middle of a run.
    network = small_network()
    images = np.random.default_rng(3).integers(0, 256, (5, 8, 8, 1), dtype=np.uint8)
    expected = simulate(network, images, backend=Backend.NUMBA)
    images.flags.writeable = False
    events = []
    listener = compiler.Announcement()
    listener.on_start = events.append
    with compiler.event.install_listener("numba:compile", listener):
        np.testing.assert_array_equal(simulate(network, images, backend=Backend.NUMBA), expected)
    assert events == []


def test_a_batch_holds_many_small_frames_and_few_large_ones():
    assert prepare(small_network(), Backend.NUMBA).frames_per_batch > 1000
    rng = np.random.default_rng(4)
    layer = DenseLayer.from_bits("fc", rng.integers(0, 2, (2, 256 * 256)), None)
    assert prepare(Chain(Encode.threshold((256, 256, 1), 128), (layer,)).network()).frames_per_batch < 200
