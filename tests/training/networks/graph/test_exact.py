"""Random graphs. The oracle is ``tests.support.naive_graph``: plain loops in int64, which share nothing with ours."""

import contextlib

import numpy as np
import pytest
import torch

from tests.support.naive_graph import NaiveGraph, model_values
from training.config.load import parse_config
from training.fit.arithmetic import Arithmetic
from training.networks.build import build_network
from training.networks.graph.network import GraphNetwork
from training.networks.graph.signal import InexactError
from training.networks.models import to_pixels

FUSED = Arithmetic(torch.bfloat16, True)


def config_of(network, **sections):
    return parse_config({"name": "graph", "data": {"name": "digits"}, "network": network, **sections}, "graph.toml")


def network_of(network, shape=(7, 6, 3), classes=4, seed=0, **sections):
    """A network of random parameters, some batch norms falling, whose statistics are those of random images."""
    torch.manual_seed(seed)
    built = build_network(config_of(network, **sections), shape, classes)
    assert isinstance(built, GraphNetwork)
    with torch.no_grad():
        for name, parameter in built.named_parameters():
            if "norm" in name or "affine" in name:
                parameter.add_(torch.randn_like(parameter))
        for _ in range(20):
            built(to_pixels(images_of(16, shape, seed)))
    return built.eval()


def images_of(count, shape, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def random_network(rng):
    """Layers in which every kind may stand behind every other, of unequal depths, and no layer is unread."""
    settings = [{}, {"input_bits": 1}, {"input_bits": 4}, {"thermometer": 3}][rng.integers(4)]
    settings |= {"fraction_bits": int(rng.integers(0, 7)), "residual_bits": int(rng.integers(3, 10))}
    settings["classifier"] = ["dense", "sum"][rng.integers(2)]
    is_bits = "thermometer" in settings or settings.get("input_bits") == 1
    f = 0 if is_bits else "pixels"
    channels = 3 * settings.get("thermometer", 1)
    made = {"input": (is_bits, f, (7, 6, channels))}
    layers = []
    grid = settings["fraction_bits"]
    for number in range(int(rng.integers(4, 14))):
        source = list(made)[-int(rng.integers(1, min(4, len(made)) + 1))]
        bits, f, (h, w, c) = made[source]
        name = f"v{number}"
        kinds = ["conv", "conv", "conv", "pool", "add", "add", "concatenate"]
        kinds += [] if bits else ["sign", "batch_norm", "average_pool", "pad_channels", "add"]
        kind = kinds[rng.integers(len(kinds))]
        beside = [one for one in made if made[one][:2] == (bits, f) and made[one][2] == (h, w, c)]
        layer = {"name": name, "input": source}
        if kind == "conv":
            size, stride, c = int(rng.integers(1, min(h, w, 3) + 1)), int(rng.integers(1, 3)), int(rng.integers(2, 5))
            padding = int(rng.integers(0, 2)) if size > 1 else 0
            gives = ["bits", "grid", "grid", "integers"][rng.integers(4)]
            layer |= {"conv": c, "kernel": size, "stride": stride, "padding": padding, "gives": gives}
            if padding and (bits or f == "pixels"):
                layer |= {"pad_bit": int(rng.integers(2))} if bits else {"pad_pixel": int(rng.integers(256))}
            h, w = ((side + 2 * padding - size) // stride + 1 for side in (h, w))
            bits, f = gives == "bits", {"bits": 0, "grid": grid, "integers": 0 if f == "pixels" else f}[gives]
        elif kind in {"pool", "average_pool"}:
            size, stride = int(rng.integers(1, min(h, w, 3) + 1)), int(rng.integers(1, 3))
            padding = int(rng.integers(0, size // 2 + 1)) if kind == "pool" else 0
            layer |= {kind: size, "stride": stride, **({"padding": padding} if padding else {})}
            h, w, f = (
                (h + 2 * padding - size) // stride + 1,
                (w + 2 * padding - size) // stride + 1,
                f if f != "pixels" else 0,
            )
        elif kind == "add" and not bits:
            chosen = [source, *(beside[rng.integers(len(beside))] for _ in range(int(rng.integers(1, 3))))]
            layer, f = {"name": name, "add": chosen}, 0 if f == "pixels" else f
        elif kind == "pad_channels":
            around = [int(rng.integers(0, 2)), int(rng.integers(1, 3))]
            layer, c, f = layer | {kind: around}, c + sum(around), 0 if f == "pixels" else f
        elif kind in {"sign", "batch_norm"}:
            gives = "bits" if kind == "sign" else ["bits", "grid"][rng.integers(2)]
            layer |= {kind: True if kind == "sign" else gives}
            bits, f = gives == "bits", 0 if gives == "bits" else grid
        else:
            chosen = [source, beside[rng.integers(len(beside))]]
            layer, c, f = {"name": name, "concatenate": chosen}, 2 * c, 0 if f == "pixels" else f
        made[name] = (bits, f, (h, w, c))
        layers.append(layer)
    return {**settings, "layers": pruned(layers)}


def pruned(layers):
    """Without what the last layer does not see."""
    needed = {layers[-1]["name"]}
    for layer in reversed(layers):
        if layer["name"] in needed:
            needed |= set(layer.get("add", layer.get("concatenate", [layer.get("input")])))
    return [layer for layer in layers if layer["name"] in needed]


def check(network, settings, shift, images):
    """Every value of ours and of what absorption reads equals the naive loops'."""
    naive = NaiveGraph(settings, settings["layers"], network.state_dict(), shift=shift)
    expected, fractions, logits = naive.run(images, network.classifier.factor)
    for arithmetic in (network.arithmetic, FUSED):  # evaluation does not depend on it
        network.use(arithmetic)
        with torch.no_grad():
            seen = list(network.walk(to_pixels(images)))
            ours = network(to_pixels(images)).numpy()
        assert [name for name, _ in seen] == list(expected)
        for name, value in seen:
            assert value.dtype is torch.float32
            steps = value.double().numpy().transpose(0, 2, 3, 1) * 2.0 ** fractions[name]
            np.testing.assert_array_equal(steps, expected[name], err_msg=name)
            planned = network.plan.value(name)
            assert planned.lowest <= expected[name].min() <= expected[name].max() <= planned.highest
        np.testing.assert_array_equal(ours, logits)
    model = network.staged()
    described = model_values(model, images)
    assert expected.keys() <= described.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(described[name], value, err_msg=name)
    np.testing.assert_array_equal(described["classifier"][:, 0, 0], logits)
    bits, traced = network.trace(images, batch=5)
    np.testing.assert_array_equal(traced, logits)
    for name, value in bits.items():
        np.testing.assert_array_equal(value, expected[name] > 0)
    return naive.saturated


@pytest.mark.parametrize("seed", range(60))
def test_a_random_graph_computes_what_plain_loops_compute(seed):
    rng = np.random.default_rng(seed)
    shift = float(rng.choice([0.0, 0.3, -0.25]))
    network = None
    while network is None:
        settings = random_network(rng)
        with contextlib.suppress(InexactError):
            network = network_of(settings, seed=seed, activation={"threshold_shift": shift})
    check(network, settings, shift, images_of(12, (7, 6, 3), seed + 1000))


def test_random_graphs_have_every_kind_and_saturate():
    """What the test above draws is worth drawing."""
    kinds, saturated = set(), 0
    for seed in range(60):
        settings = random_network(np.random.default_rng(seed))
        kinds |= {key for layer in settings["layers"] for key in layer}
    assert kinds >= {"conv", "pool", "add", "concatenate", "sign", "batch_norm", "average_pool", "pad_channels"}
    settings = {"residual_bits": 3, "fraction_bits": 2, "layers": [{"conv": 3, "gives": "grid"}, {"sign": True}]}
    saturated = check(network_of(settings), settings, 0.0, images_of(9, (7, 6, 3)))
    assert saturated > 100


RESIDUAL = {"blocks": [1, 1], "channels": [4, 8]}


@pytest.mark.parametrize("extra", [{}, {"shortcut_pool": "stride", "shortcut_channels": "zeros"}, {"span": 2}])
@pytest.mark.parametrize("order", ["grid", "integer"])
@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_a_residual_network_is_its_units_written_out(order, stem, extra):
    """Oracle: the layers as one would write them by hand, in the naive loops; both describe one network."""
    shape = (8, 8, 3) if stem == "cifar" else (16, 16, 3)
    sections = {"activation": {"threshold_shift": 0.2}}
    network = network_of({"residual": {"order": order, "stem": stem, **RESIDUAL, **extra}}, shape, **sections)
    written = {"fraction_bits": 6, "residual_bits": 8, "classifier": "sum", "layers": by_hand(order, stem, extra)}
    twin = network_of(written, shape, **sections)
    assert twin.state_dict().keys() == network.state_dict().keys()
    twin.load_state_dict(network.state_dict())
    check(network, written, 0.2, images_of(5, shape))
    check(twin, written, 0.2, images_of(5, shape))


def by_hand(order, stem, extra):
    """The layers of a ResNet of one block of two convolutions in each of two stages."""
    gives = "grid" if order == "grid" else "integers"
    first = {"kernel": 3, "padding": 1} if stem == "cifar" else {"kernel": 7, "stride": 2, "padding": 3}
    layers = [{"conv": 4, **first, "pad_pixel": 128, "gives": gives, "name": "stem"}]
    if stem == "imagenet":
        layers.append({"pool": 3, "stride": 2, "padding": 1, "name": "stem_pool"})
    sign = {"sign": True} if order == "grid" else {"batch_norm": "bits"}
    before = layers[-1]["name"]
    for stage, channels in ((1, 4), (2, 8)):
        for unit in (1, 2) if extra.get("span", 1) == 1 else (1,):
            name = f"stage{stage}_unit{unit}"
            halves = stage == 2 and unit == 1
            conv = {"conv": channels, "padding": 1, "pad_bit": 0, "gives": gives, "stride": 2 if halves else 1}
            if extra.get("span", 1) == 1:
                layers += [{**sign, "name": f"{name}_sign"}, {**conv, "name": f"{name}_conv"}]
            else:
                middle = {**conv, "name": f"{name}_conv1", "gives": "bits" if order == "grid" else gives}
                layers += [{**sign, "name": f"{name}_sign1"}, middle]
                layers += [] if order == "grid" else [{**sign, "name": f"{name}_sign2"}]
                layers.append({**conv, "stride": 1, "name": f"{name}_conv2"})
            last = layers[-1]["name"]
            if halves:
                half = {"average_pool": 2} if "shortcut_pool" not in extra else {"pool": 1, "stride": 2}
                layers.append({**half, "input": before, "name": f"{name}_half"})
                wide = {"concatenate": [f"{name}_half"] * 2}
                if "shortcut_channels" in extra:
                    wide = {"pad_channels": [2, 2], "input": f"{name}_half"}
                layers.append({**wide, "name": f"{name}_wide"})
                before = f"{name}_wide"
            layers.append({"add": [last, before], "name": f"{name}_sum"})
            before = f"{name}_sum"
    return layers if order == "grid" else [*layers, {"batch_norm": "bits", "name": "last_sign"}]
