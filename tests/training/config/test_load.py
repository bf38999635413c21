"""Configurations. The oracle of parsing is TOML itself (tomllib); messages are matched word by word."""

import tomllib
from pathlib import Path

import pytest

from bnn.errors import UserError
from training.config.load import CONFIG_FOLDER, ConfigError, load_config, parse_config

SMALL = """
name = "small"
[data]
name = "digits"
[network]
input_bits = 1
layers = [{ conv = 8, padding = 1, pad_bit = 0 }, { pool = 2 }, { dense = 16 }]
"""

RESIDUAL = ["resnet20-xnor-cifar10", "resnet20-bireal-cifar10", "resnet18-xnor-imagenet", "resnet18-bireal-imagenet"]
EXACT = ["resnet20-grid-cifar10", "resnet20-integer-cifar10", "resnet18-grid-imagenet", "resnet18-integer-imagenet"]
SHIPPED = ["digits", "tfc-mnist", "sfc-mnist", "lfc-mnist", "cnv-cifar10", "vgg-small-cifar10", *RESIDUAL, *EXACT]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


def test_every_promised_config_is_shipped_and_named_like_its_file():
    assert sorted(path.stem for path in CONFIG_FOLDER.glob("*.toml")) == sorted(SHIPPED)
    for name in SHIPPED:
        assert load_config(name).name == name
        assert load_config(CONFIG_FOLDER / f"{name}.toml") == load_config(name)


@pytest.mark.parametrize("name", SHIPPED)
def test_resolved_toml_reads_back_to_the_same_config(name):
    config = load_config(name, ["activation.threshold_shift=learned"])
    again = parse_config(tomllib.loads(config.to_toml()), "again")
    assert again == config
    assert again.hash == config.hash
    assert again.to_toml() == config.to_toml()


def test_overrides_are_toml_values_or_bare_strings(file):
    config = load_config(
        file,
        [
            "training.epochs=7",
            "activation.ste=approx_sign",
            "activation.threshold_shift=[0.5, -1]",
            "data.name='mnist'",
        ],
    )
    assert config.training.epochs == 7
    assert config.activation.ste == "approx_sign"
    assert config.activation.threshold_shift == (0.5, -1.0)
    assert config.data.name == "mnist"


def test_an_override_reaches_a_section_that_the_file_does_not_have(file):
    assert load_config(file, ["training.augmentation.flip=true"]).training.augmentation.flip


def test_the_hash_follows_every_setting_and_not_the_layout(file, tmp_path):
    reordered = tmp_path / "reordered.toml"
    reordered.write_text(SMALL.replace("input_bits = 1\n", "").replace("]\n", "]\n", 1) + "input_bits = 1\n")
    assert load_config(file).hash == load_config(reordered).hash
    assert load_config(file).hash != load_config(file, ["training.seed=1"]).hash


def test_the_model_hash_follows_the_model_alone(file):
    assert load_config(file).model_hash == load_config(file, ["training.seed=1"]).model_hash
    assert load_config(file).model_hash != load_config(file, ["activation.threshold_shift=0.5"]).model_hash


def test_a_config_cannot_be_changed(file):
    config = load_config(file)
    with pytest.raises(ValueError, match="frozen"):
        config.training.epochs = 3


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epoch=3", r"^--set training.epoch=3: unknown key training.epoch; did you mean epochs\?$"),
        ("trainig.epochs=3", r"unknown key trainig; did you mean training\?$"),
        ("training.augmentation.flp=true", r"unknown key training.augmentation.flp; did you mean flip\?$"),
        ("zzz=1", r"unknown key zzz; the keys here are name, data, network, activation, training$"),
        ("network.layers=[{conv=8, kernl=3}]", r"unknown key network.layers\[0\].kernl; did you mean kernel\?$"),
        (
            "network.layers=[{conv=8, dense=3}]",
            r"unknown key network.layers\[0\].conv; the keys here are dense, name, input, gives, fr",
        ),
        (
            "network.layers=[{dens=16}]",
            r"network.layers\[0\]: a layer needs one of the keys dense, conv, pool, add, .*; did you mean dense\?$",
        ),
        (
            "network.layers=[{convolution=8}]",
            r"network.layers\[0\]: a layer needs one of the keys dense, conv, pool, add, [a-z_, ]*pad_channels$",
        ),
        ("network.layers=[{conv=8, kernel=0}]", r"network.layers\[0\].kernel: should be greater .* 1 \(given: 0\)$"),
        (
            "network.layers=[{conv=8, kernel=[3,0]}]",
            r"network.layers\[0\].kernel\[1\]: should be greater .*\(given: 0\)$",
        ),
        ("network.layers=[{dense=1000000000}]", r"network.layers\[0\].dense: should be less than or equal to 65536"),
        ("network.layers=[{dense=-1}]", r"network.layers\[0\].dense: should be greater than or equal to 1"),
        ("network.input_bits=9", r"network.input_bits: should be less than or equal to 8 \(given: 9\)$"),
        ("training.epochs=soon", r"training.epochs: should be a valid integer \(given: 'soon'\)$"),
        ("training.epochs=1.5", r"training.epochs: should be a valid integer"),
        ("training.epochs=true", r"training.epochs: should be a valid integer"),
        ("training.learning_rate=nan", r"training.learning_rate: should be a finite number"),
        ("training=3", r"^--set training=3: training: should be"),
        ("activation.ste=sign", r"activation.ste: should be 'clipped_identity' or 'approx_sign' \(given: 'sign'\)$"),
        (
            "activation.threshold_shift=some",
            r"must be a number, a list of numbers \(one a hidden layer\) or \"learned\"",
        ),
        ("activation.threshold_shift=[1, 2, 3]", r"threshold_shift: 3 numbers, must be one for each of the 2 hidden"),
        ("activation.pre_activation=relu", r"pre_activation relu needs every threshold_shift above 0"),
        ("training.epochs", r"^--set training.epochs: must be section.key=value, such as training.epochs=5$"),
        ("name.first=3", r"^--set name.first=3: name is a value, not a section$"),
        ("name='a/b'", r"^--set name='a/b': name: .*pattern"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(file, override, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(file, [override])
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, UserError)


def test_a_mistake_in_the_file_names_the_file(file):
    file.write_text(SMALL.replace("layers", "layer"))
    with pytest.raises(ConfigError, match=r"small\.toml: unknown key network\.layer; did you mean layers\?$"):
        load_config(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 'x'\n[data]\nname = 'digits'\n", r"small\.toml: key network is missing$"),
        ("[data]\nname = 'digits'\n[network]\n", r"small\.toml: key name is missing$"),
        ("name = \n", r"small\.toml: is not TOML: .*line 1"),
    ],
)
def test_an_incomplete_file_names_what_is_missing(file, text, message):
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(file)


def test_a_file_that_is_no_text_is_refused(file):
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"small\.toml: cannot be read"):
        load_config(file)


def test_a_missing_file_lists_the_shipped_configs(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml: no such config file; .* one of .*digits.*tfc-mnist"):
        load_config(tmp_path / "nowhere.toml")
