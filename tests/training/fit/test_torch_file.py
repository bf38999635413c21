"""A checkpoint is read only where its pickle is of plain values and its tensors are as long as their bytes.

Oracle: PyTorch wrote the whole files; the hostile ones are spelled out here.
"""

import io
import zipfile

import pytest
import torch

from bnn.readers import DamagedFileError
from training.fit.torch_file import read_torch

CONTENT = {
    "format": 1,
    "state": {"w": torch.arange(6.0).reshape(2, 3), "n": torch.tensor(3)},
    "list": [1, 2.5, None, "x"],
}


def members():
    file = io.BytesIO()
    torch.save(CONTENT, file)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(path, contents, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return path


def test_a_whole_file_is_what_was_saved(tmp_path):
    torch.save(CONTENT | {"view": torch.arange(12.0).reshape(3, 4)[:, 1:3]}, tmp_path / "a.ckpt")
    found = read_torch(tmp_path / "a.ckpt")
    assert torch.equal(found["state"]["w"], CONTENT["state"]["w"])
    assert found["view"].tolist() == [[1, 2], [5, 6], [9, 10]]
    assert found["list"] == CONTENT["list"]


@pytest.mark.parametrize(
    ("pickled", "reason"),
    [
        (b"\x80\x02cposix\nsystem\nX\x01\x00\x00\x00x\x85R.", "asks for posix.system"),
        (b"\x80\x02cbuiltins\nbytearray\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R.", "asks for builtins.bytearray"),
        (b"\x80\x05\x96\xff\xff\xff\xff\xff\x00\x00\x00.", "pickle exhausted|BYTEARRAY8|expected"),
        (b"\x80\x04}\x94.", "pickle operation MEMOIZE"),
    ],
)
def test_a_pickle_of_anything_else_is_refused(tmp_path, pickled, reason):
    contents = {name: pickled if name.endswith("data.pkl") else data for name, data in members().items()}
    with pytest.raises(ValueError, match=reason):
        read_torch(written(tmp_path / "a.ckpt", contents))


def test_a_storage_that_claims_more_than_its_bytes_is_refused(tmp_path):
    contents = members()
    name = next(name for name in contents if name.endswith("data/0"))
    with pytest.raises(ValueError, match=r"storage 0 of 6 x 4 bytes has 8"):
        read_torch(written(tmp_path / "a.ckpt", contents | {name: bytes(8)}))


def test_a_tensor_larger_than_its_storage_is_refused(tmp_path):
    contents = members()
    name = next(name for name in contents if name.endswith("data.pkl"))
    assert contents[name].count(b"K\x02K\x03\x86") == 1  # the shape (2, 3)
    wider = contents[name].replace(b"K\x02K\x03\x86", b"K\xffK\xff\x86")
    with pytest.raises(ValueError, match=r"shape \(255, 255\) does not lie within its storage"):
        read_torch(written(tmp_path / "a.ckpt", contents | {name: wider}))


def test_compressed_members_are_refused(tmp_path):
    name = next(name for name in members() if name.endswith("data/0"))
    packed = written(tmp_path / "a.ckpt", members() | {name: bytes(1 << 20)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(DamagedFileError, match="members are compressed"):
        read_torch(packed)
