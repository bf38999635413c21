"""Readers refuse what is damaged, in one line, before they allocate. Oracle: what the test wrote into the file."""

import io
import resource
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from bnn.readers import (
    DamagedFileError,
    LimitedReader,
    door,
    in_one_line,
    open_archive,
    parse_json,
    printable,
    read_json,
    read_npy,
    read_npz,
    read_toml,
)


def npy(header: str, data: bytes) -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


@pytest.mark.parametrize(
    ("header", "data", "reason"),
    [
        (
            "{'descr': '|u1', 'fortran_order': False, 'shape': (1099511627776,), }",
            b"12",
            "truncated: its header promises",
        ),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", b"123", "too long: its header promises 2 bytes"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, -2), }", b"12", "has a negative size"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"\x80\x02N.", "Object arrays cannot be loaded"),
        ("{'descr': '|V2', 'fortran_order': False, 'shape': (1,), }", b"12", "must hold plain numbers or texts"),
        ("{'descr': '<U99999', 'fortran_order': False, 'shape': (9,), }", b"12", "truncated"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (2,", b"12", "not a whole .npy file"),
        ("{'descr': '<U1', 'fortran_order': False, 'shape': (1,), }", b"\0\0\0a", "numbers that are no letters"),
        ("(" * 900, b"12", "not a whole .npy file"),
        ("\x00\x01", b"", "not a whole .npy file"),
    ],
)
def test_a_npy_that_is_not_what_its_header_says(tmp_path, header, data, reason):
    file = tmp_path / "a.npy"
    file.write_bytes(npy(header, data))
    with pytest.raises(DamagedFileError, match=reason) as caught:
        read_npy(file)
    assert str(caught.value).startswith(f"{file}: not a whole .npy file (")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=np.int64).reshape(3, 4),
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.array([True, False]),
        np.array(["a", "bcd"]),
        np.zeros((0, 5), np.float32),
        np.array(7, ">i4"),
    ],
)
def test_npy_and_npz_give_what_numpy_saved(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    np.savez_compressed(tmp_path / "b.npz", one=array, two=array[..., None])
    for found in (read_npy(tmp_path / "a.npy"), read_npz(tmp_path / "b.npz")["one"]):
        assert found.dtype == array.dtype
        assert np.array_equal(found, array)
    assert list(read_npz(tmp_path / "b.npz", only=["two"])) == ["two"]


def archive(file, method=zipfile.ZIP_STORED, **members):
    with zipfile.ZipFile(file, "w", method) as opened:
        for name, data in members.items():
            opened.writestr(name, data)
    return file


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    file = archive(tmp_path / "bomb.npz", zipfile.ZIP_DEFLATED, a=bytes(300 << 20))
    assert file.stat().st_size < 1 << 20
    program = "import sys, pathlib; from bnn.readers import read_npz; read_npz(pathlib.Path(sys.argv[1]))"
    finished = subprocess.run(
        [sys.executable, "-c", program, str(file)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20)),
        capture_output=True,
        text=True,
        check=False,
        env={"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ":".join(sys.path)},
    )
    assert "would unpack to 314,572,800, may be at most 268,435,456" in finished.stderr


def test_an_archive_that_must_be_stored_is(tmp_path):
    whole = archive(tmp_path / "a.zip", a=b"1", b=b"2")
    with open_archive(whole, stored=True) as opened:
        assert opened.namelist() == ["a", "b"]
    packed = archive(tmp_path / "b.zip", zipfile.ZIP_DEFLATED, a=bytes(1000))
    with pytest.raises(DamagedFileError, match="1 members are compressed"), open_archive(packed, stored=True):
        pass


def test_a_flipped_bit_in_an_archive_is_seen(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.arange(100))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[300] ^= 4
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(zipfile.BadZipFile, match="CRC"):
        read_npz(tmp_path / "a.npz")


def test_a_limited_reader_ends_at_its_limit():
    reader = LimitedReader(io.BytesIO(b"0123456789"), 8, "file")
    assert reader.read(8) == b"01234567"
    for go_on in (lambda: reader.read(1), lambda: reader.seek(9), reader.read, lambda: reader.seek(5, io.SEEK_CUR)):
        with pytest.raises(DamagedFileError, match="file: unpacks to more than 8 bytes"):
            go_on()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": -Infinity}', "-Infinity is no number"),
        ('{"a": 1e999}', "1e999 is no finite number"),
        ('{"a": 9223372036854775808}', "beyond 64 bits"),
        ('{"a": ' + "9" * 5000 + "}", "beyond 64 bits"),
        ('{"a": 1, "a": 2}', "'a' stands there twice"),
        ('{"a": "\\ud800"}', "surrogates not allowed"),
        ("[" * 100_000, "nested too deeply"),
        ("[1]", "a JSON object is expected"),
        ("", "Expecting value"),
    ],
)
def test_json_that_is_no_table_of_finite_numbers(tmp_path, text, reason):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DamagedFileError, match=rf"a\.json: damaged \(.*{reason}.*\); make it again"):
        read_json(tmp_path / "a.json", "make it again")


def test_json_numbers_stay_what_they_are():
    assert parse_json('{"a": [1, -9223372036854775807, 0.1, 1e-300, true, null, "\\u00e9"]}') == {
        "a": [1, -(2**63) + 1, 0.1, 1e-300, True, None, "é"]
    }


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"a = \xff", "a.toml: cannot be read"),
        (b"a" + b".a" * 400 + b" = 1", "more than 300 dots"),
        (b"a = 1\n" * 30_000, "larger than 131,072 bytes"),
        (b"a = " + b"[" * 3000, "nested too deeply"),
        (b"a = 9" + b"9" * 5000, "is not TOML"),
    ],
)
def test_toml_that_would_take_long_or_is_none(tmp_path, data, reason):
    (tmp_path / "a.toml").write_bytes(data)
    with pytest.raises(DamagedFileError, match=reason):
        read_toml(tmp_path / "a.toml")


def test_a_door_lets_no_error_through_but_those_of_opening(tmp_path):
    with (
        pytest.raises(DamagedFileError, match=r"^x: is damaged \(KeyError: 'a'\); mend it$"),
        door("x", "is damaged", "mend it"),
    ):
        {}["a"]
    with pytest.raises(FileNotFoundError), door("x", "is damaged", "mend it"):
        (tmp_path / "none").read_bytes()
    with pytest.raises(DamagedFileError, match="no text at all"), door("x", "is damaged", "mend it"):
        raise OSError("no text at all")


def test_words_from_a_file_steer_no_terminal():
    assert printable("a\x1b[31mb\n\x00c\ud800") == "a [31mb c\\ud800"
    assert in_one_line(MemoryError()) == "it asks for more memory than there is"
    assert len(in_one_line(ValueError("x" * 9999))) == 300
