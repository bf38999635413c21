"""The written files say what the table of registers says. Oracles: the TOML, read here again, and the C++ compiler."""

import re
import shutil
import subprocess
import tomllib

import pytest

from hw.generator.registers import REGISTERS, RegisterMapError, read_table
from hw.generator.registers.emit import DOCUMENT, HEADER, PACKAGE, emitted
from hw.generator.registers.table import TABLE
from hw.rtlsim.registers import COUNTERS, MAGIC

RAW = tomllib.loads(TABLE.read_text())
ADDRESSES = {entry["name"]: entry["address"] for entry in RAW["register"]}


def camel(name):
    return name.title().replace("_", "")


def test_the_written_files_are_up_to_date():
    for path, text in emitted().items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run python -m hw.generator.registers"


def test_what_python_reads_is_the_table():
    assert {name: register.address for name, register in REGISTERS.items()} == ADDRESSES
    assert {name: ADDRESSES[name] for name in COUNTERS} == COUNTERS
    assert list(COUNTERS) == [entry["name"] for entry in RAW["register"] if entry.get("counter")]
    assert int.from_bytes(b"ASKW") == MAGIC


def test_the_package_holds_the_table():
    text = PACKAGE.read_text()
    found = {name: int(value, 16) for name, value in re.findall(r"^ +(\w+)Address = 12'h(\w+)", text, re.MULTILINE)}
    assert found == {camel(name): address for name, address in ADDRESSES.items()}
    counters = re.findall(r"(\w+)Counter = (\d+);", text)
    assert counters == [(camel(name), str(index)) for index, name in enumerate(COUNTERS)]
    for entry in RAW["register"]:
        for field in entry.get("field", ()):
            assert f"{camel(entry['name'])}{camel(field['name'])}Bit = {field['bit']};" in text


def test_a_cpp_program_sees_the_table(tmp_path):
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("needs g++")
    checks = [f"static_assert(askew::{name.upper()} == {address});" for name, address in ADDRESSES.items()]
    checks += [
        f"static_assert(askew::{entry['name'].upper()}_{field['name'].upper()} == {1 << field['bit']});"
        for entry in RAW["register"]
        for field in entry.get("field", ())
    ]
    readable = [
        entry["address"] + 4 * word
        for entry in RAW["register"]
        if entry["access"] != "write"
        for word in range(entry.get("words", 1))
    ]
    checks.append(f"static_assert(askew::READABLE == std::array<std::uint32_t, {len(readable)}>{{{readable}}});")
    source = "\n".join([f'#include "{HEADER}"', *checks]).replace("[", "").replace("]", "")
    (tmp_path / "check.cpp").write_text(source)
    command = [compiler, "-std=c++20", "-Wall", "-Werror", "-fsyntax-only", "check.cpp"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_document_names_every_register():
    text = DOCUMENT.read_text()
    for name, address in ADDRESSES.items():
        assert re.search(rf"^\| `{address:#05x}`.*\| `{name}` \|", text, re.MULTILINE), name


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("address = 0x04", "address = 0x00", r"version at 0x0 must lie behind magic, which ends at 0x0"),
        ("address = 0x04", "address = 0x06", r"version at 0x6 must lie at a multiple of 4 below 0x1000"),
        ("address = 0x40", "address = 0xff0", r"network_hash at 0xff0 must lie at a multiple of 4 below 0x1000"),
        ("address = 0x28", "address = 0x2c", r"counters must lie one after the other"),
        ('access = "clear"', 'access = "toggle"', r"toggle.*see the comment at its top"),
        ("words = 8", "word = 8", r"word.*see the comment at its top"),
    ],
)
def test_a_wrong_table_is_refused(old, new, message, tmp_path):
    text = TABLE.read_text()
    assert old in text
    (tmp_path / "table.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(RegisterMapError, match=message):
        read_table(tmp_path / "table.toml")
