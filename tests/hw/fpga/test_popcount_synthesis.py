"""What ECP5's synthesis makes of a popcount counts. Oracle: Python's own count of bits.

Yosys' models of the cells are evaluated by Yosys itself.
"""

import json
import random
import re
import subprocess

import pytest

from hw.fpga.ecp5 import SYNTHESIS
from hw.generator.design import RTL_FOLDER, rtl_files, rtl_headers
from hw.synth.yosys import find_yosys
from hw.units import PopcountStyle


def yosys(folder, *commands):
    (folder / "run.ys").write_text("\n".join(commands) + "\n")
    ran = subprocess.run([find_yosys(), "-s", "run.ys"], cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("width", [8, 24, 49])
def test_a_popcount_counts_after_synthesis(width, tmp_path):
    for path in [*rtl_files(RTL_FOLDER), *rtl_headers()]:
        (tmp_path / path.name).write_text(path.read_text())
    names = sorted((path.name for path in rtl_files(RTL_FOLDER)), key=lambda name: not name.endswith("_pkg.sv"))
    yosys(
        tmp_path,
        f"read_verilog -sv -defer {' '.join(names)}",
        f"chparam -set WIDTH {width} -set STYLE {PopcountStyle.for_family('ecp5').value} askew_popcount",
        f"{SYNTHESIS} -top askew_popcount",
        "write_json made.json",
    )
    netlist = json.loads((tmp_path / "made.json").read_text())["modules"]["askew_popcount"]
    (tmp_path / "made.json").write_text(json.dumps({"modules": {"askew_popcount": netlist}}))
    rng = random.Random(width)
    pairs = [(rng.getrandbits(width), rng.getrandbits(width)) for _ in range(20)]
    said = yosys(
        tmp_path,
        "read_verilog -DNO_INCLUDES +/ecp5/cells_sim.v",
        "read_json made.json",
        "hierarchy -check -top askew_popcount",
        "proc",
        "flatten",
        "opt_clean",
        *(f"eval -set a_i {width}'d{a} -set b_i {width}'d{b} -show count_o" for a, b in pairs),
    )
    counted = [int(bits, 2) for bits in re.findall(r"Eval result: \\count_o = \d+'([01]+)", said)]
    assert counted == [width - (a ^ b).bit_count() for a, b in pairs]
