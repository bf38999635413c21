"""An ECP5 netlist, after synthesis or after place and route, in cells that Yosys has models of, for simulation.

nextpnr's cells are turned back into those that it packed: a ``TRELLIS_COMB`` is a LUT4, half of a CCU2C or a bit of
LUT RAM, with the multiplexers behind it. (Yosys' own model of ``TRELLIS_COMB`` does not serve: a wire declared inside
of it hides the carry output.) Clock generator, pads and clock buffers become wires: they are the only stubs. Block RAM
has a model of ours. What is unconnected reads as the hardware has it: 1 at a table's inputs, the value of the ``..MUX``
parameter at a block RAM.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bnn import UserError

Bits = list[int | str]
Cell = dict[str, Any]

KEPT = ("LUT4", "PFUMX", "L6MUX21", "CCU2C", "TRELLIS_FF", "TRELLIS_DPR16X4", "VLO", "VHI", "GND", "VCC", "INV")
PARAMETERS = {
    "LUT4": ("INIT",),
    "CCU2C": ("INIT0", "INIT1", "INJECT1_0", "INJECT1_1"),
    "TRELLIS_FF": ("CEMUX", "CLKMUX", "LSRMUX", "SRMODE", "REGSET", "LSRMODE", "GSR"),
    "TRELLIS_DPR16X4": ("WCKMUX", "WREMUX", "INITVAL"),
}
RAM_CONTROLS = ("CLK", "CE", "WE", "RST")
RAM_ROWS = 1024


class NetlistError(UserError):
    """A netlist that cannot be simulated, with the cell that stands in the way."""


def simulable(module: dict[str, Any]) -> dict[str, Any]:
    """A module as Yosys' JSON has it, of cells that have models; attributes are dropped, which are most of the file.

    Raises:
        NetlistError: a cell of a kind, or used in a way, that there is no model of.
    """
    lowered = _Lowered()
    for name, cell in module["cells"].items():
        lowered.add(name, cell)
    ports = {name: {"direction": port["direction"], "bits": port["bits"]} for name, port in module["ports"].items()}
    wires = [port["bits"] for port in ports.values()]
    wires += [bits for cell in lowered.cells.values() for bits in cell["connections"].values()]
    _number_new_wires(wires)
    return {"attributes": {}, "ports": ports, "cells": lowered.cells, "netnames": {}}


def _number_new_wires(wires: list[Bits]) -> None:
    """Numbers above all others in the place of the names of new wires."""
    numbers: dict[str, int] = {}
    highest = max((bit for bits in wires for bit in bits if isinstance(bit, int)), default=1)
    for bits in wires:
        for index, bit in enumerate(bits):
            if isinstance(bit, str) and bit not in ("0", "1", "x", "z"):
                bits[index] = numbers.setdefault(bit, highest + 1 + len(numbers))


class _Lowered:
    def __init__(self) -> None:
        self.cells: dict[str, Cell] = {}
        self._lowering: dict[str, Callable[[str, Cell], None]] = {
            "TRELLIS_COMB": self._comb,
            "TRELLIS_RAMW": self._ram_write,
            "TRELLIS_IO": self._pad,
            "DCCA": lambda name, cell: self._buffer(name, cell, "CLKI", "CLKO"),
            "EHXPLLL": self._generator,
            "DP16KD": self._block_ram,
            "PDPW16KD": self._wide_block_ram,
        }

    def add(self, name: str, cell: Cell) -> None:
        """A cell of the netlist."""
        kind = cell["type"]
        if kind == "$scopeinfo":
            return
        if kind == "TRELLIS_FF":
            self._flip_flop(name, cell)
        elif kind in KEPT:
            self._put(name, kind, _chosen(cell, PARAMETERS.get(kind, ())), cell["connections"])
        elif kind in self._lowering:
            self._lowering[kind](name, cell)
        else:
            raise NetlistError(f"netlist: no model of cell {name} of type {kind}; it cannot be simulated")

    def _put(self, name: str, kind: str, parameters: dict[str, Any], connections: dict[str, Bits]) -> None:
        self.cells[name] = {"type": kind, "parameters": parameters, "attributes": {}, "connections": connections}

    def _wire(self, name: str, source: Bits, target: Bits) -> None:
        if target:
            self._put(name, "$_BUF_", {}, {"A": source, "Y": target})

    def _buffer(self, name: str, cell: Cell, source: str, target: str) -> None:
        self._wire(name, _pin(cell, source, "0"), cell["connections"].get(target, []))

    def _flip_flop(self, name: str, cell: Cell) -> None:
        pins = {pin: bits for pin, bits in cell["connections"].items() if bits}
        # nextpnr calls the data input M where no table of the same slice drives it.
        pins.setdefault("DI", pins.get("M", ["0"]))
        if "LSR" not in pins:  # unconnected is inactive, whatever the multiplexer before it
            pins["LSR"] = ["1" if cell["parameters"].get("LSRMUX") == "INV" else "0"]
        self._put(name, "TRELLIS_FF", _chosen(cell, PARAMETERS["TRELLIS_FF"]), pins)

    def _comb(self, name: str, cell: Cell) -> None:
        pins, parameters = cell["connections"], cell["parameters"]
        inputs = {pin: _pin(cell, pin, "1") for pin in "ABCD"}
        init, mode = parameters.get("INITVAL", "0" * 16), parameters.get("MODE", "LOGIC")
        output = pins.get("F", [])
        if pins.get("OFX"):
            output = output or [f"{name}$F"]  # a name stands for a new wire until the end
            which = ("L6MUX21", "D0", "D1", "SD", "FXA", "FXB")
            if not pins.get("FXA"):
                which = ("PFUMX", "BLUT", "ALUT", "C0", "", "F1")
            kind, low, high, select, source_low, source_high = which
            sources = {low: pins[source_low] if source_low else output, high: _pin(cell, source_high, "0")}
            self._put(f"{name}$mux", kind, {}, sources | {select: _pin(cell, "M", "0"), "Z": pins["OFX"]})
        if mode == "LOGIC":
            if output:
                self._put(name, "LUT4", {"INIT": init}, inputs | {"Z": output})
        elif mode == "CCU2":
            # The first half of a CCU2C, whose second half hands the carry on.
            halves = {"INIT0": init, "INIT1": "1" * 16, "INJECT1_1": "NO"}
            halves["INJECT1_0"] = parameters.get("CCU2_INJECT1", "YES")
            carry = {"CIN": _pin(cell, "FCI", "0"), "S0": output, "COUT": pins.get("FCO", [])}
            wires: dict[str, Bits] = {f"{pin}0": bits for pin, bits in inputs.items()}
            wires |= {f"{pin}1": ["1"] for pin in "ABCD"}
            self._put(name, "CCU2C", halves, wires | {pin: bits for pin, bits in carry.items() if bits})
        elif mode == "DPRAM":
            self._lut_ram(name, cell, inputs, init, output)
        elif mode != "RAMW_BLOCK":  # a table that writing a LUT RAM occupies: it does nothing
            raise NetlistError(f"netlist: no model of cell {name} in mode {mode}; it cannot be simulated")

    def _lut_ram(self, name: str, cell: Cell, inputs: dict[str, Bits], init: str, output: Bits) -> None:
        # Address bits 0 .. 3 are at D, B, C, A, and the table is in the order of (D, C, B, A).
        table = init[::-1].ljust(16, "0")
        values = ["0"] * 64
        for address in range(16):
            index = (address & 1) << 3 | (address & 2) | (address & 4) | (address & 8) >> 3
            values[4 * address] = table[index]
        chosen = _chosen(cell, ("WCKMUX", "WREMUX")) | {"INITVAL": "".join(reversed(values))}
        read: Bits = [inputs[pin][0] for pin in "DBCA"]
        write: Bits = [_pin(cell, f"WAD{i}", "0")[0] for i in range(4)]
        data: Bits = [_pin(cell, "WD", "0")[0], "0", "0", "0"]
        pins: dict[str, Bits] = {"DI": data, "WAD": write, "RAD": read}
        pins |= {"WRE": _pin(cell, "WRE", "0"), "WCK": _pin(cell, "WCK", "0"), "DO": output or [f"{name}$F"]}
        self._put(name, "TRELLIS_DPR16X4", chosen, pins)

    def _ram_write(self, name: str, cell: Cell) -> None:
        ways = {"WADO0": "D0", "WADO1": "B0", "WADO2": "C0", "WADO3": "A0"}
        ways |= {"WDO0": "C1", "WDO1": "A1", "WDO2": "D1", "WDO3": "B1"}
        for target, source in ways.items():
            self._wire(f"{name}${target}", _pin(cell, source, "1"), cell["connections"].get(target, []))

    def _pad(self, name: str, cell: Cell) -> None:
        direction = cell["parameters"].get("DIR")
        if direction not in ("INPUT", "OUTPUT"):
            raise NetlistError(f"netlist: pad {name} is {direction}; only inputs and outputs can be simulated")
        self._buffer(name, cell, *(("B", "O") if direction == "INPUT" else ("I", "B")))

    def _generator(self, name: str, cell: Cell) -> None:
        self._buffer(name, cell, "CLKI", "CLKOP")
        self._wire(f"{name}$lock", ["1"], cell["connections"].get("LOCK", []))

    def _wide_block_ram(self, name: str, cell: Cell) -> None:
        """PDPW16KD: port A writes 36 bits, port B reads."""
        pins, parameters = dict(cell["connections"]), dict(cell["parameters"])
        renamed = {"CLKW": "CLKA", "CEW": "CEA", "CLKR": "CLKB", "CER": "CEB"}
        renamed |= {f"BE{i}": f"ADA{i}" for i in range(4)} | {f"ADW{i}": f"ADA{i + 5}" for i in range(9)}
        renamed |= {f"ADR{i}": f"ADB{i}" for i in range(14)} | {f"DI{i}": f"DIA{i}" for i in range(18)}
        renamed |= {f"DI{i + 18}": f"DIB{i}" for i in range(18)} | {f"DO{i + 18}": f"DOA{i}" for i in range(18)}
        renamed |= {f"DO{i}": f"DOB{i}" for i in range(18)} | {"RST": "RSTB"}
        widths = {"DATA_WIDTH_A": 36, "DATA_WIDTH_B": parameters.get("DATA_WIDTH_R", 36)}
        regular = {"REGMODE_A": "NOREG", "REGMODE_B": parameters.get("REGMODE", "NOREG")}
        multiplexers = {"CLKAMUX": parameters.get("CLKWMUX", "CLKA"), "CLKBMUX": parameters.get("CLKRMUX", "CLKB")}
        multiplexers = {
            key: value.replace("CLKW", "CLKA").replace("CLKR", "CLKB") for key, value in multiplexers.items()
        }
        pins = {renamed.get(pin, pin): bits for pin, bits in pins.items()}
        self._block_ram(name, {"connections": pins, "parameters": parameters | widths | regular | multiplexers})

    def _block_ram(self, name: str, cell: Cell) -> None:
        parameters = cell["parameters"]
        widths = {port: _number(parameters.get(f"DATA_WIDTH_{port}", 18)) for port in "AB"}
        is_wide = widths["A"] == 36
        pins: dict[str, Bits] = {}
        values: dict[str, Any] = {"INIT": _ram_contents(parameters)}
        for port, side in (("A", "a"), ("B", "b")):
            is_inverted = parameters.get(f"CLK{port}MUX") == "INV" and bool(cell["connections"].get(f"CLK{port}"))
            if is_inverted or parameters.get(f"REGMODE_{port}", "NOREG") != "NOREG":
                raise NetlistError(f"netlist: block RAM {name} has an output register or an inverted clock: no model")
            values[f"WIDTH_{port}"] = _as_bits(widths[port], 32)
            mode = parameters.get(f"WRITEMODE_{port}", "NORMAL")
            values[f"THROUGH_{port}"] = _as_bits(int(mode == "WRITETHROUGH"), 32)
            values[f"BEFORE_{port}"] = _as_bits(int(mode == "READBEFOREWRITE"), 32)
            for control in RAM_CONTROLS:
                pins[f"{control.lower()}_{side}"] = [_ram_pin(cell, f"{control}{port}", "0")]
            pins[f"address_{side}"] = [_ram_pin(cell, f"AD{port}{i}", "0") for i in range(14)]
        if is_wide:  # port A writes whenever it is enabled, port B reads
            pins["we_a"], pins["we_b"] = ["1"], ["0"]
        data = {side: [_ram_pin(cell, f"DI{side}{i}", "0") for i in range(18)] for side in "AB"}
        low: Bits = ["0"] * 18
        pins["di_a"] = [*data["A"], *(data["B"] if is_wide else low)]
        pins["di_b"] = [*data["B"], *low]
        outputs = {side: [cell["connections"].get(f"DO{side}{i}", []) for i in range(18)] for side in "AB"}
        ends = {"do_b": [*outputs["B"], *(outputs["A"] if is_wide else [[]] * 18)]}
        ends["do_a"] = [[]] * 36 if is_wide else [*outputs["A"], *([[]] * 18)]
        for pin, bits in ends.items():
            pins[pin] = [bit[0] if bit else f"{name}${pin}${i}" for i, bit in enumerate(bits)]
        self._put(name, "askew_ecp5_ram", values, pins)


def _pin(cell: Cell, pin: str, unconnected: str) -> Bits:
    found: Bits = cell["connections"].get(pin) or [unconnected]
    return found


def _ram_pin(cell: Cell, pin: str, unconnected: str) -> int | str:
    """The wire at a block RAM's pin, or the constant that its multiplexer gives."""
    wire = cell["connections"].get(pin)
    if wire:
        if cell["parameters"].get(f"{pin}MUX") == "INV":
            raise NetlistError(f"netlist: an inverted block RAM pin {pin}: no model")
        bit: int | str = wire[0]
        return bit
    return {"1": "1", "0": "0", "INV": "0", pin: "1"}.get(cell["parameters"].get(f"{pin}MUX", ""), unconnected)


def _ram_contents(parameters: dict[str, Any]) -> str:
    """18,432 bits, highest first: sixteen rows of 18 bits, in 20 each, are in every INITVAL_xx."""
    rows = []
    for index in range(RAM_ROWS // 16):
        value = parameters.get(f"INITVAL_{index:02X}", "")
        bits = "".join("1" if bit == "1" else "0" for bit in value[::-1]).ljust(320, "0")
        rows += [bits[20 * row : 20 * row + 18] for row in range(16)]
    return "".join(rows)[::-1]


def _chosen(cell: Cell, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: cell["parameters"][name] for name in names if name in cell["parameters"]}


def _number(value: int | str) -> int:
    """A parameter, which JSON netlists write as bits."""
    return value if isinstance(value, int) else int(value, 2)


def _as_bits(value: int, width: int) -> str:
    return f"{value:0{width}b}"
