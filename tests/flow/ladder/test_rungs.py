"""Which rungs a ladder climbs unless told. Oracle: what each can compute, spelled out."""

import numpy as np

from bnn import Chain, DenseLayer, Encode, save_network
from flow.ladder.rungs import default_rungs
from flow.run.folder import RunFolder
from tests.support.graphs import random_graph

ALL = ("reference", "qonnx", "numpy", "plain")


def test_the_plain_rung_is_left_out_of_graphs_alone(tmp_path):
    run = RunFolder.claim(tmp_path / "one", 'name = "one"\n')
    assert default_rungs(run) == ALL  # before there is a network
    layer = DenseLayer.from_bits("fc1", np.ones((3, 8)), None)
    save_network(Chain(Encode.threshold((2, 2, 2), 128), (layer,)).network(), run.network_file)
    assert default_rungs(run) == ALL
    save_network(random_graph(1), run.network_file)
    assert default_rungs(run) == ALL[:-1]
    run.network_file.write_bytes(b"damaged")
    assert default_rungs(run) == ALL  # the stage itself says what is wrong
