"""FINN's drivers, read. Oracles: settings as finn-plus writes them; a driver as FINN writes it."""

import json

import pytest

from finn_build.board.interface import read_interface
from finn_build.errors import FinnError

PLUS_SETTINGS = {
    "driver_information": {
        "driver_type": "FINNDMAOverlay",
        "io_shape_dict": {
            "idt": ["DataType['UINT8']"],
            "idma_names": ["idma0"],
            "ishape_normal": [[1, 24]],
            "ishape_folded": [[1, 24, 1]],
            "ishape_packed": [[1, 24, 1]],
            "odt": ["DataType['UINT8']"],
            "odma_names": ["odma0"],
            "oshape_normal": [[1, 1]],
            "oshape_folded": [[1, 1, 1]],
            "oshape_packed": [[1, 1, 1]],
        },
    }
}

ORIGINAL_DRIVER = """
from qonnx.core.datatype import DataType
io_shape_dict = {
    # FINN DataType for input and output tensors
    "idt" : [DataType['UINT8']],
    "odt" : [DataType['INT11']],
    "ishape_normal" : [(1, 32, 32, 3)],
    "oshape_normal" : [(1, 10)],
    "ishape_folded" : [(1, 32, 32, 1, 3)],
    "oshape_folded" : [(1, 2, 5)],
    "input_dma_name" : ['idma0'],
    "output_dma_name" : ['odma0'],
    "num_inputs": 1,
}
"""


def test_interface_of_finn_plus(tmp_path):
    (tmp_path / "settings.json").write_text(json.dumps(PLUS_SETTINGS))
    assert read_interface(tmp_path, FinnError) == {
        "input_bytes": 24, "output_values": 1, "output_bits": 8, "output_signed": False, "output_width": 1,
        "input_dma": "idma0", "output_dma": "odma0",
    }  # fmt: skip


def test_interface_of_the_original_finn(tmp_path):
    (tmp_path / "driver.py").write_text(ORIGINAL_DRIVER)
    assert read_interface(tmp_path, FinnError) == {
        "input_bytes": 3072, "output_values": 10, "output_bits": 11, "output_signed": True, "output_width": 5,
        "input_dma": "idma0", "output_dma": "odma0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("file", "contents", "reason"),
    [
        ("readme", "", r"has neither settings\.json nor driver\.py"),
        ("settings.json", "{}", r"settings\.json: has no io_shape_dict"),
        ("driver.py", "x = 1", r"driver\.py: has no io_shape_dict"),
        ("driver.py", "io_shape_dict = {", r"driver\.py: not a driver that this program knows"),
        ("driver.py", "io_shape_dict = {'idt': f()}", r"driver\.py: not a driver that this program knows"),
        ("driver.py", "io_shape_dict = {'idt': []}", "not a driver that this program knows"),
        ("driver.py", ORIGINAL_DRIVER.replace("'UINT8'", "'INT4'"), "it takes INT4 and gives INT11"),
        ("driver.py", ORIGINAL_DRIVER.replace("['idma0']", "['a', 'b']"), "one input and one output are expected"),
    ],
)
def test_unknown_drivers(tmp_path, file, contents, reason):
    (tmp_path / file).write_text(contents)
    with pytest.raises(FinnError, match=reason):
        read_interface(tmp_path, FinnError)
