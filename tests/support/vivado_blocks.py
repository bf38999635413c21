"""The stand-in for Vivado: its block designs (UG994)."""

from tests.support.vivado_catalogue import KEYS, Interface, Shape, shape_of
from tests.support.vivado_packager import Packager
from tests.support.vivado_process import RefusedError
from tests.support.vivado_rules import check


class BlockDesigns(Packager):
    """Cells, connections and addresses."""

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
            raise RefusedError(f"cell {name} of {vlnv}")
        if vlnv in self.repository:
            width = {str(8 << n) for n in range(8)}
            keys = {key: (value, width) for key, value in self.repository[vlnv]["parameters"].items()}
        elif vlnv in KEYS:
            keys = KEYS[vlnv]
        else:
            raise RefusedError(f"no IP {vlnv} in the catalogue")
        self.cells[name] = {"vlnv": vlnv, "keys": keys, "config": {key: value for key, (value, _) in keys.items()}}
        return f"cell:{name}"

    def do_get_bd_cells(self, name):
        if name not in self.cells:
            raise RefusedError(f"no cell {name}")
        return f"cell:{name}"

    def do_apply_bd_automation(self, *words):
        given, (cell,) = self._options(words, ("rule", "config"), (), (1, 1))
        config = self._list(given["config"])
        keys = dict(zip(config[::2], config[1::2], strict=True))
        vlnv = self.cells[cell[5:]]["vlnv"]
        if given["rule"] != vlnv.replace(":ip:", ":bd_rule:"):
            raise RefusedError(f"rule {given['rule']} on {vlnv}")
        if set(keys) - {"make_external", "apply_board_preset", "Master", "Slave"}:
            raise RefusedError(f"configuration {keys}")
        if keys["apply_board_preset"] == "1" and not self._open()["board_part"]:
            raise RefusedError("there is no board whose preset could be applied")
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
            raise RefusedError(f"{name}: {error}") from error

    def _part_of(self, path, kind):
        cell, _, rest = path.partition("/")
        if cell not in self.cells or rest not in getattr(self.shape(cell), kind):
            raise RefusedError(f"{path} is not there")
        return path

    def do_get_bd_intf_pins(self, path):
        return "intf:" + self._part_of(path, "interfaces")

    def do_get_bd_pins(self, path):
        cell, _, pin = path.partition("/")
        shape = self.shape(cell) if cell in self.cells else Shape()
        if pin not in shape.inputs | shape.outputs:
            raise RefusedError(f"no pin {path}")
        return f"pin:{path}"

    def do_connect_bd_intf_net(self, *words):
        _, ends = self._options(words, ("intf_net",), (), (2, 2))
        for end, other in (ends, ends[::-1]):
            if not end.startswith("intf:") or end[5:] in self.links:
                raise RefusedError(f"{end} is connected already, or is no interface")
            self.links[end[5:]] = other[5:]

    def do_connect_bd_net(self, *words):
        _, pins = self._options(words, ("net",), (), (2, 9))
        names = [pin.removeprefix("pin:") for pin in pins]
        drivers = [pin for pin in names if pin.partition("/")[2] in self.shape(pin.partition("/")[0]).outputs]
        if len(drivers) != 1:
            raise RefusedError(f"{names}: driven by {drivers}")
        for pin in set(names) - set(drivers):
            if pin in self.nets:
                raise RefusedError(f"{pin} is driven already")
            self.nets[pin] = drivers[0]

    def do_get_bd_addr_spaces(self, path):
        return "space:" + self._part_of(path, "spaces")

    def do_get_bd_addr_segs(self, path):
        return "segment:" + self._part_of(path, "segments")

    def do_assign_bd_address(self, *words):
        given, (segment,) = self._options(words, ("offset", "range", "target_address_space"), ("force",), (1, 1))
        space = given["target_address_space"]
        if not space.startswith("space:") or not segment.startswith("segment:"):
            raise RefusedError(f"{space} and {segment}")
        whole = {"offset": "0", "range": str(1 << 29)}
        base, size = (int(given.get(name, whole[name]), 0) for name in ("offset", "range"))
        if size & (size - 1) or size < 4096 or base % size:
            raise RefusedError(f"{base:#x} of {size:#x}")
        self.addresses.append((space[6:], segment[8:], base, size))

    def do_validate_bd_design(self):
        faults = check(self)
        if faults:
            raise RefusedError("; ".join(faults))
        self.validated = True

    def do_save_bd_design(self):
        if not self.validated:
            raise RefusedError("not validated")
