"""Residual networks. The oracle is each block written out in plain PyTorch: torch.where, F.conv2d, F.batch_norm."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from bnn.errors import UserError
from training.config.load import CONFIG_FOLDER, ConfigError, load_config, parse_config
from training.fit.module import make_optimizer
from training.networks.build import build_network, count_multiplications
from training.networks.models import BinaryNetwork, to_pixels
from training.networks.residual import BiRealBlock, ResidualNetwork

VARIANTS = ["xnor_net", "bi_real_net"]
ACTIVATIONS = [
    {},
    {"threshold_shift": 0.4, "ste": "approx_sign"},
    {
        "threshold_shift": "learned",
        "learned_shift_start": 0.2,
        "pre_activation": "prelu",
        "batch_norm_bias_start": 0.3,
    },
    {"pre_activation": "leaky_relu", "leaky_slope": 0.25},
]


def config_of(variant, *, stem="cifar", blocks=(1, 1), channels=(4, 6), pad_bit=0, activation=None, training=None):
    residual = {"variant": variant, "stem": stem, "blocks": blocks, "channels": channels, "pad_bit": pad_bit}
    return parse_config(
        {
            "name": "residual",
            "data": {"name": "digits"},
            "network": {"residual": residual},
            "activation": activation or {},
            "training": training or {},
        },
        "residual.toml",
    )


def network_of(variant, shape=(9, 8, 3), classes=5, **settings):
    """A network of random parameters, whose running statistics are those of random images."""
    torch.manual_seed(3)
    network = build_network(config_of(variant, **settings), shape, classes)
    assert isinstance(network, ResidualNetwork)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "norm" in name or name.endswith("bias"):
                parameter.add_(torch.randn_like(parameter) * 0.3)
        for _ in range(30):
            network(to_pixels(images_of(16, shape)))
    return network


def images_of(count=6, shape=(9, 8, 3)):
    return np.random.default_rng(5).integers(0, 256, (count, *shape), dtype=np.uint8)


class Naive:
    """The network written out, from its state dict; evaluation."""

    def __init__(self, network, config):
        self.terms = network.state_dict()
        self.activation = config.activation
        self.residual = config.network.residual
        self.signs = []

    def norm(self, x, name):
        t = {key: self.terms[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")}
        return F.batch_norm(x, t["running_mean"], t["running_var"], t["weight"], t["bias"], eps=1e-5)

    def sign(self, x, name):
        kind = self.activation.pre_activation
        if kind == "leaky_relu":
            x = torch.where(x >= 0, x, x * self.activation.leaky_slope)
        if kind == "prelu":
            x = torch.where(x >= 0, x, x * self.terms[f"{name}.activation.weight"][:, None, None])
        shift = self.activation.threshold_shift
        threshold = self.terms[f"{name}.shift.shift"][:, None, None] if shift == "learned" else shift
        bits = torch.where(x >= threshold, 1.0, -1.0)
        self.signs.append(bits)
        return bits

    def conv(self, bits, name, stride):
        latent = self.terms[f"{name}.matrix.weight"]
        padded = F.pad(bits, (1, 1, 1, 1), value=1.0 if self.residual.pad_bit else -1.0)
        scaled = torch.stack([torch.where(w >= 0, 1.0, -1.0) * w.abs().sum() / w.numel() for w in latent])
        return F.conv2d(padded, scaled, stride=stride)

    def block(self, x, name, stride):
        if self.residual.variant == "xnor_net":
            short = x
            if stride == 2:
                short = F.conv2d(x, self.terms[f"{name}.shortcut.0.weight"], stride=2)
                short = self.norm(short, f"{name}.shortcut.1")
            y = self.conv(self.sign(self.norm(x, f"{name}.norm1"), f"{name}.sign1"), f"{name}.conv1", stride)
            return self.conv(self.sign(self.norm(y, f"{name}.norm2"), f"{name}.sign2"), f"{name}.conv2", 1) + short
        short = x
        if stride == 2:
            # windows at the border have what there is of them
            mean = torch.stack(
                [
                    torch.stack([x[:, :, i : i + 2, j : j + 2].mean(dim=(2, 3)) for j in range(0, x.shape[3], 2)], -1)
                    for i in range(0, x.shape[2], 2)
                ],
                -2,
            )
            short = self.norm(F.conv2d(mean, self.terms[f"{name}.shortcut.1.weight"]), f"{name}.shortcut.2")
        x = self.norm(self.conv(self.sign(x, f"{name}.sign1"), f"{name}.conv1", stride), f"{name}.norm1") + short
        return self.norm(self.conv(self.sign(x, f"{name}.sign2"), f"{name}.conv2", 1), f"{name}.norm2") + x

    def logits(self, images):
        x = (torch.tensor(images).permute(0, 3, 1, 2).float() / 255 - 0.5) * 4
        is_cifar = self.residual.stem == "cifar"
        x = F.conv2d(x, self.terms["stem.conv.weight"], stride=1 if is_cifar else 2, padding=1 if is_cifar else 3)
        x = self.norm(x, "stem.norm")
        if not is_cifar:
            x = F.max_pool2d(x, 3, 2, 1)
        for stage, count in enumerate(self.residual.blocks, 1):
            for block in range(1, count + 1):
                x = self.block(x, f"body.stage{stage}_block{block}", 2 if stage > 1 and block == 1 else 1)
        if self.residual.variant == "xnor_net":
            x = F.relu(self.norm(x, "last_norm.0"))
        return x.flatten(2).mean(2) @ self.terms["classifier.weight"].T + self.terms["classifier.bias"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("stem", "pad_bit"), [("cifar", 0), ("imagenet", 1)])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_network_is_its_papers_blocks_written_out(variant, stem, pad_bit, activation):
    settings = {"stem": stem, "pad_bit": pad_bit, "activation": activation, "blocks": (2, 1)}
    network = network_of(variant, shape=(18, 14, 3), **settings)
    images = images_of(shape=(18, 14, 3))
    naive = Naive(network, config_of(variant, **settings))
    with torch.no_grad():
        expected = naive.logits(images)
        torch.testing.assert_close(network.eval()(to_pixels(images)), expected, rtol=1e-4, atol=1e-4)
    traces, logits = network.trace(images, batch=4)
    torch.testing.assert_close(torch.tensor(logits), expected, rtol=1e-4, atol=1e-4)
    assert list(traces) == [f"{b}.sign{n}" for b in ("stage1.block1", "stage1.block2", "stage2.block1") for n in (1, 2)]
    for bits, sign in zip(traces.values(), naive.signs, strict=True):
        np.testing.assert_array_equal(bits, (sign > 0).permute(0, 2, 3, 1).numpy())
    assert 0.1 < np.mean([bits.mean() for bits in traces.values()]) < 0.9, "shows nothing"


def test_tracing_leaves_no_hook_behind_and_the_mode_as_it_was():
    network = network_of("bi_real_net")
    network.trace(images_of())
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())


def ste_slope(x, kind):
    return (x.abs() < 1).float() if kind == "clipped_identity" else (2 - 2 * x.abs()).clamp(min=0)


@pytest.mark.parametrize("ste", ["clipped_identity", "approx_sign"])
def test_gradients_of_a_bi_real_block_are_those_of_the_estimator_by_hand(ste):
    """Oracle: the chain rule written out for the first convolution with an output gradient of ones and linear norms."""
    shift = 0.25
    config = config_of("bi_real_net", activation={"threshold_shift": shift, "ste": ste})
    torch.manual_seed(0)
    network = build_network(config, (5, 5, 3), 4).eval()
    block = network.body[0]
    assert isinstance(block, BiRealBlock)
    block.conv2.matrix.weight.requires_grad_(False)
    x = torch.randn(2, 4, 5, 5, requires_grad=True)
    block(x).sum().backward()

    latent = block.conv1.matrix.weight.detach()
    alpha = latent.abs().mean(dim=(1, 2, 3))
    signs = torch.where(latent >= 0, 1.0, -1.0)
    # second unit: d/dy [norm2(conv2(sign(y - shift))) + y], the norm being a division by sqrt(1 + eps)
    deviation = (1 + 1e-5) ** 0.5
    x0 = x.detach()
    bits = torch.where(x0 >= shift, 1.0, -1.0)
    padded = F.pad(bits, (1, 1, 1, 1), value=-1.0)
    y = F.conv2d(padded, signs) * alpha[:, None, None] / deviation + x0
    second = block.conv2.matrix.weight
    second_signs = torch.where(second >= 0, 1.0, -1.0) * second.abs().mean(dim=(1, 2, 3))[:, None, None, None]
    ones = torch.ones(2, 4, 5, 5)
    through_second = F.conv_transpose2d(ones, second_signs, padding=1) / deviation
    at_y = 1 + through_second * ste_slope(y - shift, ste)
    # first unit: to the latent weights with slope 1, alpha being no function of them; to x by both ways
    at_sums = at_y * alpha[:, None, None] / deviation
    expected = torch.zeros_like(latent)
    for i in range(3):
        for j in range(3):
            window = padded[:, :, i : i + 5, j : j + 5]
            expected[:, :, i, j] = torch.einsum("nohw,nchw->oc", at_sums, window)
    torch.testing.assert_close(block.conv1.matrix.weight.grad, expected, rtol=1e-4, atol=1e-4)
    at_bits = F.conv_transpose2d(at_sums, signs, padding=1)
    torch.testing.assert_close(x.grad, at_y + at_bits * ste_slope(x0 - shift, ste), rtol=1e-4, atol=1e-4)


def test_a_shift_acts_on_one_sign_and_a_bias_on_all_later_sums():
    """Oracle: the same block without a shift: to move its input does the same to the sign, and stays in the sum."""
    network = network_of("bi_real_net", activation={"threshold_shift": 0.5}).eval()
    plain = network_of("bi_real_net").eval()
    plain.load_state_dict(network.state_dict(), strict=False)
    x = torch.randn(3, 4, 9, 8)
    block, same = network.body[0], plain.body[0]
    assert torch.equal(block.sign1(x), same.sign1(x - 0.5))
    with torch.no_grad():
        moved = same.norm1(same.conv1(same.sign1(x - 0.5))) + (x - 0.5)
        kept = block.norm1(block.conv1(block.sign1(x))) + x
    torch.testing.assert_close(kept - moved, torch.full_like(kept, 0.5))


def test_parameters_are_as_many_as_published():
    """ResNet-18 has 11.69 million (11,689,512), ResNet-20 with 1 x 1 shortcuts 0.27 million (272,474; He et al. 2016).

    XNOR-Net's batch norms stand before the convolutions: those of a stage's first block have the channels of the stage
    before, and one more follows the last block.
    """
    counts = {}
    for name, shape, classes in [("resnet18", (224, 224, 3), 1000), ("resnet20", (32, 32, 3), 10)]:
        for variant in ("bireal", "xnor"):
            data = "imagenet" if name == "resnet18" else "cifar10"
            network = build_network(load_config(f"{name}-{variant}-{data}"), shape, classes)
            counts[name, variant] = sum(parameter.numel() for parameter in network.parameters())
    assert counts["resnet18", "bireal"] == 11_689_512
    assert counts["resnet18", "xnor"] == 11_689_512 - 2 * (64 + 128 + 256) + 2 * 512
    assert counts["resnet20", "bireal"] == 272_474
    assert counts["resnet20", "xnor"] == 272_474 - 2 * (16 + 32) + 2 * 64


def test_multiplications_are_as_many_as_published():
    """1.81 billion for ResNet-18 at 224 x 224, 41 million for ResNet-20."""
    assert count_multiplications(load_config("resnet18-bireal-imagenet"), (224, 224, 3), 1000) == 1_814_073_344
    assert count_multiplications(load_config("resnet20-xnor-cifar10"), (32, 32, 3), 10) == pytest.approx(41e6, rel=0.01)


@pytest.mark.parametrize(("shape", "classes"), [((32, 32, 3), 10), ((224, 224, 3), 7), ((1, 1, 1), 2), ((37, 5, 2), 3)])
@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_size_of_image_gives_logits_and_the_planned_shapes(variant, stem, shape, classes):
    network = network_of(variant, shape, classes, stem=stem, blocks=(1, 1, 1), channels=(2, 3, 4))
    traces, logits = network.trace(np.zeros((2, *shape), np.uint8))
    assert logits.shape == (2, classes)
    convs = [conv for block in network.plan.blocks for conv in (block.first, block.second)]
    assert [bits.shape[1:] for bits in traces.values()] == [conv.input_shape for conv in convs]


def test_only_latent_weights_are_clipped_and_all_matrices_decay():
    network = network_of("bi_real_net", activation={"pre_activation": "prelu"})
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(-7.0)
    network.clip()
    for name, parameter in network.named_parameters():
        bound = -1.0 if ".matrix." in name else 0.0 if ".activation." in name else -7.0
        assert (parameter == bound).all(), name
    decayed = {
        id(weight) for weight in make_optimizer(network, config_of("bi_real_net").training).param_groups[0]["params"]
    }
    matrices = {name for name, parameter in network.named_parameters() if id(parameter) in decayed}
    assert matrices == {name for name, parameter in network.named_parameters() if parameter.dim() > 1}


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_the_integer_network_cannot_hold_is_said_in_one_line(variant):
    message = (
        r"^network.residual: the integer network cannot hold full-precision shortcuts \(stage1.block1 has the first\), "
        r"nor the full-precision weights of the first convolution \(conv1\), the shortcuts' 1 x 1 convolutions "
        r"\(stage2.block1.shortcut is the first\) and the last dense layer \(classifier\); .* not exported$"
    )
    network = network_of(variant)
    with pytest.raises(UserError, match=message):
        network.staged()
    assert network.refusal is not None


def test_a_network_without_downsampling_names_none():
    assert "1 x 1" not in network_of("xnor_net", blocks=(2,), channels=(4,)).refusal


def test_the_summary_has_a_line_a_matrix():
    lines = network_of("bi_real_net").summary().splitlines()
    assert [line.split()[0] for line in lines] == [
        "input", "conv1", "stage1.block1.conv1", "stage1.block1.conv2",
        "stage2.block1.conv1", "stage2.block1.conv2", "stage2.block1.shortcut", "classifier",
    ]  # fmt: skip
    assert lines[4].split()[1:] == ["binary", "conv", "3x3", "216", "weights", "->", "5", "x", "4", "x", "6"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["network.residual.variant=resnet"], r"network.residual.variant: should be 'xnor_net' or 'bi_real_net'"),
        (["network.residual.stem=mnist"], r"network.residual.stem: should be 'cifar' or 'imagenet' \(given: 'mnist'\)"),
        (
            ["network.residual.blocks=[1]"],
            r"network.residual: channels has 2 numbers and blocks 1; must be one a stage",
        ),
        (["network.residual.blocks=[0, 1]"], r"network.residual.blocks\[0\]: should be greater than or equal to 1"),
        (["network.residual.pad_bit=2"], r"network.residual.pad_bit: should be 0 or 1 \(given: 2\)"),
        (["network.residual.block=[1, 1]"], r"unknown key network.residual.block; did you mean blocks\?"),
        (["network.layers=[{dense = 3}]"], r"layers must be empty where there is a residual section"),
        (["network.input_bits=1"], r"input_bits \(1\) must be 8 where there is a residual section"),
        (
            ["activation.threshold_shift=[0.1, 0.2]"],
            r'threshold_shift: must be a number or "learned" with network.resi',
        ),
        (["activation.hardtanh={}"], r"activation.hardtanh: there is no full-precision twin of network.residual"),
        (["training.dropout=0.1"], r"training.dropout: must be 0 with network.residual"),
        (["training.input_dropout=0.1"], r"training.input_dropout: must be 0 with network.residual"),
    ],
)
def test_settings_that_do_not_fit_are_one_line(overrides, message):
    with pytest.raises(ConfigError, match=message) as caught:
        config_of("xnor_net").with_overrides(overrides)
    assert "\n" not in str(caught.value)


def test_too_many_weights_are_refused():
    config = config_of("xnor_net", blocks=(64,), channels=(65536,))
    with pytest.raises(ConfigError, match=r"network.residual: [\d,]+ weights, must be at most 2,147,483,648$"):
        build_network(config, (8, 8, 1), 10)


def test_configurations_without_it_are_hashed_as_before():
    plain = load_config("digits")
    assert plain.settings()["network"].keys() == {"input_bits", "input_threshold", "layers"}
    variant = config_of("xnor_net").settings()["network"]["residual"]
    assert variant.keys() == {"variant", "stem", "blocks", "channels", "pad_bit"}
    assert not {"resize", "crop", "channels"} & set(plain.settings()["data"])
    assert "random_crop" not in plain.settings()["training"]["augmentation"]
    assert isinstance(build_network(plain, (8, 8, 1), 10), BinaryNetwork)
    assert len(list(CONFIG_FOLDER.glob("resnet*.toml"))) == 8
