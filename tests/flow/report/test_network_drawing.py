"""The drawing of a network. Oracles: the graph itself, an XML parser, and a browser's measures of the text."""

import math
import xml.etree.ElementTree as ElementTree
from itertools import combinations

import numpy as np
import pytest

from bnn import Chain, DenseLayer, Encode, Integers
from bnn.nodes import KINDS
from bnn.values import Bits, bit_width
from flow.report.describe import describe_network
from flow.report.network_drawing import COLOURS, draw_network, value_text
from tests.support.graphs import random_graph

NAME = "x<\"&'>y"


def chain():
    rng = np.random.default_rng(0)
    first = DenseLayer.from_bits(NAME, rng.integers(0, 2, (6, 48)), np.arange(20, 26))
    return Chain(
        Encode.threshold((4, 4, 3), 100), (first, DenseLayer.from_bits("fc2", rng.integers(0, 2, (3, 6)), None))
    )


NETWORKS = [chain().network(), *(random_graph(seed) for seed in range(12))]


def reported(network):
    return describe_network(network, {}, {}, "").nodes


@pytest.mark.parametrize("network", NETWORKS)
def test_every_node_and_value_of_the_graph_is_drawn(network):
    drawn = ElementTree.fromstring(draw_network(reported(network)))
    names = [part.text for part in drawn.iter("tspan") if part.get("class") == "name"]
    values = [part.text for part in drawn.iter("text") if part.get("class") == "value"]
    assert names == [node.name for node in network.nodes]
    for text, value in zip(values, network.values.values(), strict=True):
        assert text.startswith("\u00d7".join(map(str, value.shape)))
        if isinstance(value, Integers):
            ends = text.split(": ")[1].replace(",", "").replace("\u2212", "-").split("..")
            assert [int(end) for end in ends] == [value.lowest, value.highest]
    lines = [part for part in drawn.iter("path") if part.get("class") in {"bits", "integers"}]
    assert len(lines) == sum(len(node.inputs) for node in network.nodes)
    bits = sum(isinstance(network.values[name], Bits) for node in network.nodes for name in node.inputs)
    assert sum(part.get("class") == "bits" for part in lines) == bits


@pytest.mark.parametrize("network", NETWORKS)
def test_boxes_do_not_overlap_and_all_is_inside(network):
    drawn = ElementTree.fromstring(draw_network(reported(network)))
    width, height = (float(drawn.get(side)) for side in ("width", "height"))
    boxes = [
        tuple(float(part.get(key)) for key in ("x", "y", "width", "height"))
        for part in drawn.iter("rect")
        if part.get("class") != "kind"
    ]
    assert all(x >= 0 and x + w <= width and y >= 0 and y + h <= height for x, y, w, h in boxes)
    for (x, y, w, h), (x2, y2, w2, h2) in combinations(boxes, 2):
        assert x + w < x2 or x2 + w2 < x or y + h < y2 or y2 + h2 < y


def test_texts_fit_their_boxes_in_a_browser(browser):
    page = browser.new_page()
    page.set_content(
        f"<style>svg {{ font: 10.5px sans-serif }} .name {{ font-size: 12px; font-weight: 600 }}</style>"
        f"{draw_network(reported(NETWORKS[0]))}{draw_network(reported(NETWORKS[5]))}"
    )
    outside = page.evaluate(
        """() => [...document.querySelectorAll("g.node")].filter(node => {
            const box = node.querySelector("rect").getBBox();
            return [...node.querySelectorAll("text")].some(text => {
                const found = text.getBBox();
                return found.x < box.x || found.x + found.width > box.x + box.width;
            });
        }).map(node => node.textContent)"""
    )
    page.close()
    assert outside == []


@pytest.mark.parametrize(("lowest", "highest"), [(0, 0), (0, 1), (0, 255), (-1, 0), (-128, 127), (-129, 3), (-3, 128)])
def test_bit_widths_hold_the_range(lowest, highest):
    width = bit_width(Integers((1, 1, 1), lowest, highest))
    held = [
        (0, 2**bits - 1) if lowest >= 0 else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (width, width - 1)
    ]
    assert held[0][0] <= lowest
    assert highest <= held[0][1]
    assert width == 1 or lowest < math.ceil(held[1][0]) or highest > held[1][1]
    assert bit_width(Bits((1, 1, 1))) == 1


def test_every_coloured_kind_is_a_kind():
    assert COLOURS.keys() <= KINDS.keys()


def test_values_are_said_in_words():
    first, *_, last = reported(NETWORKS[0])
    assert value_text(first) == "4\u00d74\u00d73, bits"
    assert value_text(last) == "1\u00d71\u00d73, 4 bits: \u22126..6"
