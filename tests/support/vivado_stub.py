"""A stand-in for Vivado that runs a script in a Tcl interpreter: it knows the commands, their arguments and the cells.

What is connected is kept, and ``validate_bd_design`` refuses what Vivado (UG835, UG994, UG1118) would refuse, and what
it would only warn of: a pin without a driver, streams of different widths, a slave without an address.
``python -m tests.support.vivado_stub -mode batch -source build.tcl`` stands for the program.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from tests.support.vivado_blocks import BlockDesigns
from tests.support.vivado_process import RefusedError

TIMING = (
    "    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)\n"
    "    -------      -------  ---------------------  -------------------      -------\n"
    "     {setup}        0.000                      0                 1234        {hold}\n"
)
UTILIZATION = (
    "| Site Type | Used | Fixed | Prohibited | Available | Util% |\n"
    "| Slice LUTs* | 4801 | 0 | 0 | 53200 | 9.02 |\n"
    "| Slice Registers | 6222 | 0 | 0 | 106400 | 5.85 |\n"
    "| Block RAM Tile | 3 | 0 | 0 | 140 | 2.14 |\n"
    "| RAMB36/FIFO* | 2 | 0 | 0 | 140 | 1.43 |\n"
    "| RAMB18 | 2 | 0 | 0 | 280 | 0.71 |\n"
)


class Vivado(BlockDesigns):
    """One process of Vivado."""

    # From the block design to files.
    def do_generate_target(self, what, file):
        if what != "all" or not file.endswith(".bd"):
            raise RefusedError(f"{what} of {file}")
        folder = self.project["folder"] / f"{self.design}.gen/sources_1/bd/{self.design}/hw_handoff"
        folder.mkdir(parents=True)
        (folder / f"{self.design}.hwh").write_text("<EDKSYSTEM/>")

    def do_make_wrapper(self, *words):
        given, _ = self._options(words, ("files",), ("top", "import"))
        wrapper = Path(given["files"]).with_name(f"{self.design}_wrapper.v")
        wrapper.write_text("module wrapper; endmodule")
        return str(wrapper)

    def do_launch_runs(self, *words):
        _, (run,) = self._options(words, ("jobs", "to_step"), (), (1, 1))
        if self._open()["top"] != f"{self.design}_wrapper" or (run == "impl_1" and "synth_1" not in self.done):
            raise RefusedError(f"{run} cannot be launched")
        self.runs.append(run)

    def do_wait_on_run(self, run):
        if run not in self.runs:
            raise RefusedError(f"{run} was not launched")
        self.done.append(run)

    def do_get_runs(self, run):
        return f"run:{run}"

    def do_open_run(self, run):
        if run not in self.done:
            raise RefusedError(f"{run} is not done")

    def _report(self, words, text):
        given, _ = self._options(words, ("file",))
        Path(given["file"]).write_text(text)

    def do_report_timing_summary(self, *words):
        self._report(words, TIMING.format(setup=self.setup, hold=self.hold))

    def do_report_utilization(self, *words):
        self._report(words, UTILIZATION)

    def do_write_bitstream(self, *words):
        _, (file,) = self._options(words, (), ("force",), (1, 1))
        Path(file).write_bytes(b"bits")


def main():
    """As the program: its choices come from the environment variable VIVADO_STUB, JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-version", action="store_true")
    for name in ("-mode", "-source", "-log"):
        parser.add_argument(name)
    parser.add_argument("-nojournal", action="store_true")
    given = parser.parse_args()
    if given.version:
        sys.stdout.write("vivado v2024.2 (64-bit)\n")
        return 0
    import tkinter

    try:
        Vivado(**json.loads(os.environ.get("VIVADO_STUB", "{}"))).source(given.source)
    except tkinter.TclError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
