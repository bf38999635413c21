"""The stand-in for Vivado: its IP packager (UG1118)."""

import json
import re
from pathlib import Path

from tests.support.vivado_process import Process, RefusedError


class Packager(Process):
    """The commands ``ipx::``."""

    # The packager.
    def do_ipx__package_project(self, *words):
        given, _ = self._options(words, ("root_dir", "vendor", "library", "taxonomy"), ("force", "import_files"))
        project = self._open()
        (top,) = [file for file in project["files"] if file.stem == project["top"]]
        outside = [file for file in project["files"] if Path(given["root_dir"]) not in file.parents]
        if outside:
            raise RefusedError(f"{outside[0]} is not below {given['root_dir']}")
        self.ip = {"root": given["root_dir"], "vendor": given["vendor"], "library": given["library"]}
        self.ip |= read_module(top.read_text()) | {"maps": {"s_axi": {}}}

    def _core(self, word="ipx:core:core"):
        if self.ip is None or word != "ipx:core:core":
            raise RefusedError(f"{word} is no core")
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
            raise RefusedError(f"memory map {name} exists")
        self.ip["maps"][name] = {}
        return f"ipx:map:{name}"

    def do_ipx__get_bus_interfaces(self, *words):
        given, (name,) = self._options(words, ("of_objects",), (), (1, 1))
        if name not in self._core(given["of_objects"])["interfaces"]:
            raise RefusedError(f"no bus interface {name}")
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
            raise RefusedError("s_axi refers to no memory map")
        registers = {name: of[f"ipx:register:{name}"] for name in ip["maps"]["s_axi"]["reg0"]}
        packaged = {key: ip[key] for key in ("interfaces", "clock", "reset", "parameters")}
        packaged |= {"vlnv": vlnv, "registers": registers, "block": of["ipx:block:reg0"]}
        (Path(ip["root"]) / "component.json").write_text(json.dumps(packaged))


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
        raise RefusedError(f"clock {clock} is associated with reset {associated[2]}")
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
            raise RefusedError(f"{name}: no ports of an interface")
    return {"interfaces": interfaces, "clock": clock, "reset": reset, "parameters": parameters}
