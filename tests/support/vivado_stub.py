"""A stand-in for Vivado that runs a script in a Tcl interpreter: it knows the commands, their arguments and the cells.

What is connected is kept, and ``validate_bd_design`` refuses what Vivado (UG835, UG994, UG1118) would refuse, and what it
would only warn of: a pin without a driver, streams of different widths, a slave without an address.
``python -m tests.support.vivado_stub -mode batch -source build.tcl`` stands for the program.
"""

import argparse
import json
import os
import re
import sys
import tkinter
from pathlib import Path

from tests.support.vivado_catalogue import KEYS, Interface, Shape, shape_of

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


class Refused(Exception):
    """What Vivado would answer with an error."""


class Vivado:
    """One process of Vivado."""

    def __init__(self, setup="0.113", hold="0.021", boards=(), fails=""):
        self.setup, self.hold, self.boards, self.fails = setup, hold, boards, fails
        self.tcl = tkinter.Tcl()
        self.tcl.eval("namespace eval ipx {}; namespace eval stub {}")
        self.project, self.ip, self.repository = None, None, {}
        self.cells, self.nets, self.links, self.addresses = {}, {}, {}, []
        self.design, self.validated, self.automated = None, False, False
        self.properties, self.runs, self.done = {}, [], []
        for name in dir(self):
            if name.startswith("do_"):
                self._register(name[3:].replace("ipx__", "ipx::"), getattr(self, name))

    def _register(self, command, function):
        def call(*words):
            try:
                found = function(*words)
            except Refused as error:
                return ("0", f"ERROR: [{command}] {error}")
            except TypeError as error:
                return ("0", f"ERROR: [{command}] wrong arguments {words}: {error}")
            return ("1", "" if found is None else found)

        inner = f"::stub::{command.replace('::', '__')}"
        self.tcl.createcommand(inner, call)
        self.tcl.eval(
            f"proc ::{command} args {{ lassign [{inner} {{*}}$args] ok value\n"
            "if {!$ok} { error $value }\nreturn $value }"
        )

    def source(self, script):
        """Run a script; tkinter.TclError with what was refused."""
        self.tcl.eval(f"source {{{script}}}")

    def _options(self, words, valued=(), flags=(), positional=(0, 0)):
        """Options and the rest; refuses what the command does not have."""
        given, rest, words = {}, [], list(words)
        while words:
            word = words.pop(0)
            if re.fullmatch(r"-[a-z_]+", word):
                name = word[1:]
                if name in valued:
                    if not words:
                        raise Refused(f"missing value of {word}")
                    given[name] = words.pop(0)
                elif name in flags:
                    given[name] = True
                else:
                    raise Refused(f"unknown option '{word}'")
            else:
                rest.append(word)
        if not positional[0] <= len(rest) <= positional[1]:
            raise Refused(f"{len(rest)} positional arguments {rest}")
        return given, rest

    def _list(self, text):
        return list(self.tcl.splitlist(text))

    # Projects and files.
    def do_create_project(self, *words):
        given, (name, folder) = self._options(words, ("part",), ("force", "in_memory"), (2, 2))
        if self.project:
            raise Refused(f"project {self.project['name']} is open")
        if not re.fullmatch(r"xc[a-z0-9]+-?[a-zA-Z0-9-]+", given["part"]):
            raise Refused(f"part {given['part']} not found")
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.project = {"name": name, "folder": Path(folder), "part": given["part"], "files": [], "board_part": ""}
        return name

    def do_close_project(self):
        self._open()
        self.project = None

    def _open(self):
        if self.project is None:
            raise Refused("no open project")
        return self.project

    def do_current_project(self):
        self._open()
        return "PROJECT"

    def do_current_fileset(self):
        self._open()
        return "FILESET"

    def do_add_files(self, *words):
        _, (files,) = self._options(words, ("fileset",), ("norecurse",), (1, 1))
        for file in self._list(files):
            if not Path(file).is_file():
                raise Refused(f"file {file} does not exist")
            self._open()["files"].append(Path(file))

    def do_update_compile_order(self, *words):
        given, _ = self._options(words, ("fileset",))
        if given["fileset"] != "sources_1":
            raise Refused(f"no fileset {given['fileset']}")

    def do_get_files(self, name):
        found = [str(file) for file in self._open()["files"] if file.name == name]
        if not found:
            raise Refused(f"no files matched '{name}'")
        return found[0]

    def do_get_board_parts(self, *words):
        given, patterns = self._options(words, (), ("quiet", "latest_file_version"), (1, 1))
        matching = [board for board in self.boards if self.tcl.call("string", "match", patterns[0], board)]
        if not matching and "quiet" not in given:
            raise Refused("no board parts matched")
        return tuple(matching)

    def do_update_ip_catalog(self, *words):
        self._options(words, (), ("rebuild",))
        for folder in self._list(self._open()["ip_repo_paths"]):
            for component in Path(folder).glob("component.json"):
                packaged = json.loads(component.read_text())
                self.repository[packaged["vlnv"]] = packaged

    def do_set_msg_config(self, *words):
        given, _ = self._options(words, ("id", "new_severity"))
        if given["new_severity"] not in ("ERROR", "WARNING", "CRITICAL WARNING", "INFO", "STATUS"):
            raise Refused(f"no severity {given['new_severity']}")

    # Properties.
    def do_set_property(self, *words):
        given, rest = self._options(words, ("dict",), (), (1, 3))
        pairs = self._list(given["dict"]) if "dict" in given else rest[:-1]
        if len(pairs) % 2 or len(rest) != (1 if "dict" in given else 3):
            raise Refused(f"names and values {pairs}, objects {rest}")
        for name, value in zip(pairs[::2], pairs[1::2], strict=True):
            self._set(rest[-1], name, value)

    def _set(self, target, name, value):
        if target in ("PROJECT", "FILESET"):
            known = {"PROJECT": ("board_part", "ip_repo_paths"), "FILESET": ("top",)}[target]
            if name not in known:
                raise Refused(f"{target} has no property {name}")
            if name == "board_part" and value not in self.boards:
                raise Refused(f"no board part {value}")
            self._open()[name] = value
        elif target.startswith("ipx:"):
            kind = target.split(":")[1]
            known = {
                "core": ("name", "version", "display_name", "description"),
                "busif": ("slave_memory_map_ref",),
                "block": ("range", "width", "usage"),
                "register": ("address_offset", "size", "access", "description"),
            }[kind]
            if name not in known:
                raise Refused(f"{target} has no property {name}")
            if name == "access" and value not in ("read-only", "write-only", "read-write"):
                raise Refused(f"access {value}")
            self.properties.setdefault(target, {})[name] = value
        elif target.startswith("cell:"):
            cell = self.cells[target[5:]]
            if not name.startswith("CONFIG.") or name[7:] not in cell["keys"]:
                raise Refused(f"{target} has no property {name}")
            allowed = cell["keys"][name[7:]][1]
            if (allowed is not None and value not in allowed) or (allowed is None and not float(value) > 0):
                raise Refused(f"{target}: {name} cannot be {value}")
            cell["config"][name[7:]] = value
        else:
            raise Refused(f"{target} is no object")

    def do_get_property(self, name, target):
        if target == "PROJECT":
            return self._open()[name]
        if target.startswith("run:"):
            values = {"PROGRESS": "100%", "STATUS": "complete", "STATS.WNS": self.setup, "STATS.WHS": self.hold}
            if self.fails == target[4:]:
                values |= {"PROGRESS": "34%", "STATUS": "place_design ERROR"}
            return values[name]
        if target.startswith("pin:") and name == "CONFIG.FREQ_HZ":
            (cell,) = [cell for cell in self.cells.values() if "FREQMHZ" in str(cell["config"])]
            asked = next(float(value) for key, value in cell["config"].items() if key.endswith("FREQMHZ"))
            return str(round(1e9 / round(1e3 / asked)))  # of 1 GHz divided by a whole number
        if target.startswith("ipx:") and name == "name":
            return target.rpartition(":")[2]
        raise Refused(f"{target} has no property {name}")

    # The packager.
    def do_ipx__package_project(self, *words):
        given, _ = self._options(words, ("root_dir", "vendor", "library", "taxonomy"), ("force", "import_files"))
        project = self._open()
        (top,) = [file for file in project["files"] if file.stem == project["top"]]
        outside = [file for file in project["files"] if Path(given["root_dir"]) not in file.parents]
        if outside:
            raise Refused(f"{outside[0]} is not below {given['root_dir']}")
        self.ip = {"root": given["root_dir"], "vendor": given["vendor"], "library": given["library"]}
        self.ip |= read_module(top.read_text()) | {"maps": {"s_axi": {}}}

    def _core(self, word="ipx:core:core"):
        if self.ip is None or word != "ipx:core:core":
            raise Refused(f"{word} is no core")
        return self.ip

    def do_ipx__current_core(self):
        self._core()
        return "ipx:core:core"

    def do_ipx__get_memory_maps(self, *words):
        given, names = self._options(words, ("of_objects",), (), (0, 1))
        maps = self._core(given["of_objects"])["maps"]
        return tuple(f"ipx:map:{name}" for name in maps if not names or name in names)

    def do_ipx__remove_memory_map(self, name, core):
        del self._core(core)["maps"][name]

    def do_ipx__add_memory_map(self, name, core):
        if name in self._core(core)["maps"]:
            raise Refused(f"memory map {name} exists")
        self.ip["maps"][name] = {}
        return f"ipx:map:{name}"

    def do_ipx__get_bus_interfaces(self, *words):
        given, (name,) = self._options(words, ("of_objects",), (), (1, 1))
        if name not in self._core(given["of_objects"])["interfaces"]:
            raise Refused(f"no bus interface {name}")
        return f"ipx:busif:{name}"

    def do_ipx__add_address_block(self, name, found):
        self.ip["maps"][found.rpartition(":")[2]][name] = []
        return f"ipx:block:{name}"

    def do_ipx__add_register(self, name, block):
        self.ip["maps"]["s_axi"][block.rpartition(":")[2]].append(name)
        return f"ipx:register:{name}"

    def do_ipx__create_xgui_files(self, core):
        self._core(core)

    do_ipx__update_checksums = do_ipx__check_integrity = do_ipx__create_xgui_files

    def do_ipx__save_core(self, core):
        ip, of = self._core(core), self.properties
        named = of["ipx:core:core"]
        vlnv = ":".join((ip["vendor"], ip["library"], named["name"], named["version"]))
        if of["ipx:busif:s_axi"]["slave_memory_map_ref"] not in ip["maps"]:
            raise Refused("s_axi refers to no memory map")
        registers = {name: of[f"ipx:register:{name}"] for name in ip["maps"]["s_axi"]["reg0"]}
        packaged = {key: ip[key] for key in ("interfaces", "clock", "reset", "parameters")}
        packaged |= {"vlnv": vlnv, "registers": registers, "block": of["ipx:block:reg0"]}
        (Path(ip["root"]) / "component.json").write_text(json.dumps(packaged))

    # Block designs.
    def do_create_bd_design(self, name):
        self.design = name
        file = self._open()["folder"] / f"{name}.bd"
        file.touch()
        self.project["files"].append(file)

    def do_create_bd_cell(self, *words):
        given, (name,) = self._options(words, ("type", "vlnv"), (), (1, 1))
        vlnv = given["vlnv"]
        if given["type"] != "ip" or name in self.cells or "/" in name:
            raise Refused(f"cell {name} of {vlnv}")
        if vlnv in self.repository:
            width = {str(8 << n) for n in range(8)}
            keys = {key: (value, width) for key, value in self.repository[vlnv]["parameters"].items()}
        elif vlnv in KEYS:
            keys = KEYS[vlnv]
        else:
            raise Refused(f"no IP {vlnv} in the catalogue")
        self.cells[name] = {"vlnv": vlnv, "keys": keys, "config": {key: value for key, (value, _) in keys.items()}}
        return f"cell:{name}"

    def do_get_bd_cells(self, name):
        if name not in self.cells:
            raise Refused(f"no cell {name}")
        return f"cell:{name}"

    def do_apply_bd_automation(self, *words):
        given, (cell,) = self._options(words, ("rule", "config"), (), (1, 1))
        config = self._list(given["config"])
        keys = dict(zip(config[::2], config[1::2], strict=True))
        vlnv = self.cells[cell[5:]]["vlnv"]
        if given["rule"] != vlnv.replace(":ip:", ":bd_rule:"):
            raise Refused(f"rule {given['rule']} on {vlnv}")
        if set(keys) - {"make_external", "apply_board_preset", "Master", "Slave"}:
            raise Refused(f"configuration {keys}")
        if keys["apply_board_preset"] == "1" and not self._open()["board_part"]:
            raise Refused("there is no board whose preset could be applied")
        self.automated = True

    def shape(self, name) -> Shape:
        """Of a cell as it is configured now."""
        cell = self.cells[name]
        if cell["vlnv"] in self.repository:
            packaged = self.repository[cell["vlnv"]]
            shape = Shape(inputs={packaged["clock"]: "clock", packaged["reset"]: "reset_n"})
            for port, (mode, protocol, width) in packaged["interfaces"].items():
                bits = int(cell["config"].get(width, width))
                shape.interfaces[port] = Interface(mode, protocol, bits, packaged["clock"])
            shape.segments["s_axi/reg0"] = "s_axi"
            return shape
        try:
            return shape_of(cell["vlnv"], cell["config"])
        except ValueError as error:
            raise Refused(f"{name}: {error}") from error

    def _part_of(self, path, kind):
        cell, _, rest = path.partition("/")
        if cell not in self.cells or rest not in getattr(self.shape(cell), kind):
            raise Refused(f"{path} is not there")
        return path

    def do_get_bd_intf_pins(self, path):
        return "intf:" + self._part_of(path, "interfaces")

    def do_get_bd_pins(self, path):
        cell, _, pin = path.partition("/")
        shape = self.shape(cell) if cell in self.cells else Shape()
        if pin not in shape.inputs | shape.outputs:
            raise Refused(f"no pin {path}")
        return f"pin:{path}"

    def do_connect_bd_intf_net(self, *words):
        _, ends = self._options(words, ("intf_net",), (), (2, 2))
        for end, other in (ends, ends[::-1]):
            if not end.startswith("intf:") or end[5:] in self.links:
                raise Refused(f"{end} is connected already, or is no interface")
            self.links[end[5:]] = other[5:]

    def do_connect_bd_net(self, *words):
        _, pins = self._options(words, ("net",), (), (2, 9))
        names = [pin.removeprefix("pin:") for pin in pins]
        drivers = [pin for pin in names if pin.partition("/")[2] in self.shape(pin.partition("/")[0]).outputs]
        if len(drivers) != 1:
            raise Refused(f"{names}: driven by {drivers}")
        for pin in set(names) - set(drivers):
            if pin in self.nets:
                raise Refused(f"{pin} is driven already")
            self.nets[pin] = drivers[0]

    def do_get_bd_addr_spaces(self, path):
        return "space:" + self._part_of(path, "spaces")

    def do_get_bd_addr_segs(self, path):
        return "segment:" + self._part_of(path, "segments")

    def do_assign_bd_address(self, *words):
        given, (segment,) = self._options(words, ("offset", "range", "target_address_space"), ("force",), (1, 1))
        space = given["target_address_space"]
        if not space.startswith("space:") or not segment.startswith("segment:"):
            raise Refused(f"{space} and {segment}")
        whole = {"offset": "0", "range": str(1 << 29)}
        base, size = (int(given.get(name, whole[name]), 0) for name in ("offset", "range"))
        if size & (size - 1) or size < 4096 or base % size:
            raise Refused(f"{base:#x} of {size:#x}")
        self.addresses.append((space[6:], segment[8:], base, size))

    def do_validate_bd_design(self):
        faults = check(self)
        if faults:
            raise Refused("; ".join(faults))
        self.validated = True

    def do_save_bd_design(self):
        if not self.validated:
            raise Refused("not validated")

    # From the block design to files.
    def do_generate_target(self, what, file):
        if what != "all" or not file.endswith(".bd"):
            raise Refused(f"{what} of {file}")
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
            raise Refused(f"{run} cannot be launched")
        self.runs.append(run)

    def do_wait_on_run(self, run):
        if run not in self.runs:
            raise Refused(f"{run} was not launched")
        self.done.append(run)

    def do_get_runs(self, run):
        return f"run:{run}"

    def do_open_run(self, run):
        if run not in self.done:
            raise Refused(f"{run} is not done")

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


def check(vivado):
    """What is wrong with the connections, in words."""
    faults, shapes = [], {name: vivado.shape(name) for name in vivado.cells}
    interfaces = {f"{cell}/{name}": one for cell, shape in shapes.items() for name, one in shape.interfaces.items()}
    for cell, shape in shapes.items():
        faults += [f"{cell}/{pin}: nothing drives it" for pin in shape.inputs if f"{cell}/{pin}" not in vivado.nets]
        if shape.external and not vivado.automated:
            faults.append(f"{cell}: {shape.external} lead nowhere")
    for pin, driver in vivado.nets.items():
        (cell, _, name), (source, _, output) = pin.partition("/"), driver.partition("/")
        if shapes[cell].inputs[name] != shapes[source].outputs[output]:
            faults.append(f"{pin}: driven by {driver}, which is of another kind")
    clock = {path: vivado.nets.get(f"{path.partition('/')[0]}/{one.clock}") for path, one in interfaces.items()}
    for path, one in interfaces.items():
        other = vivado.links.get(path)
        if other is None:
            faults.append(f"{path}: not connected")
            continue
        end = interfaces[other]
        kinds = {one.protocol, end.protocol} - {"any"}
        if one.mode == end.mode or len(kinds) > 1 or ("axis" in kinds and "any" in (one.protocol, end.protocol)):
            faults.append(f"{path} and {other} do not go together")
        if one.width and end.width and one.width != end.width:
            faults.append(f"{path} has {one.width} bits, {other} has {end.width}")
        if clock[path] != clock[other]:
            faults.append(f"{path} and {other} have different clocks")
    return faults + check_addresses(vivado, shapes)


def check_addresses(vivado, shapes):
    """Every master reaches every slave behind it at an address of its own, and within its reach."""
    faults = []
    aperture = {"processing_system7": (0x4000_0000, 0x8000_0000), "zynq_ultra_ps_e": (0xA000_0000, 0xB000_0000)}
    for cell, shape in shapes.items():
        for space, (port, bits) in shape.spaces.items():
            middle = vivado.links.get(f"{cell}/{port}", "").partition("/")[0]
            ends = [] if middle not in shapes else [
                vivado.links.get(f"{middle}/{name}", "/") for name, one in shapes[middle].interfaces.items()
                if one.mode == "master"
            ]  # fmt: skip
            wanted = {
                f"{end.partition('/')[0]}/{segment}"
                for end in ends
                for segment, interface in shapes.get(end.partition("/")[0], Shape()).segments.items()
                if interface == end.partition("/")[2]
            }
            mine = [row for row in vivado.addresses if row[0] == f"{cell}/{space}"]
            if sorted(row[1] for row in mine) != sorted(wanted):
                faults.append(f"{cell}/{space}: addresses of {[row[1] for row in mine]}, wanted {sorted(wanted)}")
            low, high = aperture.get(vivado.cells[cell]["vlnv"].rpartition(":")[2], (0, 1 << bits))
            for _, segment, base, size in mine:
                if not low <= base < base + size <= high:
                    faults.append(f"{segment}: {base:#x} is out of reach of {cell}/{space}")
            spans = sorted((base, base + size) for _, _, base, size in mine)
            if any(before[1] > after[0] for before, after in zip(spans, spans[1:], strict=False)):
                faults.append(f"{cell}/{space}: addresses overlap")
    return faults


def read_module(text):
    """Interfaces, clock and reset of a Verilog module, by the names of its ports and its X_INTERFACE attributes."""
    parameters = dict(re.findall(r"parameter integer (\w+) = (\d+)", text))
    header = text[text.index(") (") : text.index(");")]
    ports = {
        name: (direction, width or "1")
        for direction, width, name in re.findall(r"(input|output) +wire (?:\[([^\]]+?)-?1?:0\] )?(\w+)", header)
    }
    clock, reset = (
        re.search(rf'signal:{kind}:1.0 \w+ {pin}".*?(?:input) +wire (\w+)', text, re.DOTALL)[1]
        for kind, pin in (("clock", "CLK"), ("reset", "RST"))
    )
    associated = re.search(r'ASSOCIATED_BUSIF ([\w:]+), ASSOCIATED_RESET (\w+)"', text)
    if associated[2] != reset:
        raise Refused(f"clock {clock} is associated with reset {associated[2]}")
    interfaces = {}
    for name in associated[1].split(":"):
        if f"{name}_tdata" in ports:
            direction, _ = ports[f"{name}_tdata"]
            bits = re.search(rf"\[(\w+)(-1)?:0\] {name}_tdata", text)
            width = bits[1] if bits[2] else str(int(bits[1]) + 1)
            interfaces[name] = ("slave" if direction == "input" else "master", "axis", width)
        elif f"{name}_awvalid" in ports and f"{name}_awlen" not in ports:
            interfaces[name] = ("slave", "axi4lite", "32")
        else:
            raise Refused(f"{name}: no ports of an interface")
    return {"interfaces": interfaces, "clock": clock, "reset": reset, "parameters": parameters}


def main():
    """As the program: its choices come from the environment variable VIVADO_STUB, JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-version", action="store_true")
    for name in ("-mode", "-source", "-log"):
        parser.add_argument(name)
    parser.add_argument("-nojournal", action="store_true")
    given = parser.parse_args()
    if given.version:
        print("vivado v2024.2 (64-bit)")
        return 0
    try:
        Vivado(**json.loads(os.environ.get("VIVADO_STUB", "{}"))).source(given.source)
    except tkinter.TclError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
