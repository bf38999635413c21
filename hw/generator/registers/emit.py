"""The table of registers as a SystemVerilog package, as a C++ header and as documentation."""

from __future__ import annotations

from pathlib import Path

from hw.generator.registers.table import ADDRESS_BITS, REGISTERS, Access

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "hw" / "rtl" / "askew_registers_pkg.sv"
HEADER = ROOT / "hw" / "rtlsim" / "harness" / "askew_registers.h"
DOCUMENT = ROOT / "docs" / "registers.md"

ORIGIN = "Written by `python -m hw.generator.registers` from its registers.toml; change that table instead."
UNMAPPED = "An address without a register answers SLVERR and reads as 0; writing what can only be read answers SLVERR."


def emitted() -> dict[Path, str]:
    """Every file that is written from the table, and its text."""
    return {PACKAGE: emit_package(), HEADER: emit_header(), DOCUMENT: emit_document()}


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def emit_package() -> str:
    """``askew_registers_pkg``."""
    digits = -(-ADDRESS_BITS // 4)
    highest = max(register.addresses[-1] for register in REGISTERS.values())
    lines = [
        "// The AXI4-Lite registers of a design.",
        f"// {ORIGIN}",
        "package askew_registers_pkg;",
        f"  localparam int unsigned AddressWidth = {ADDRESS_BITS};",
        f"  localparam int unsigned UsedWidth = {(highest + 3).bit_length()};  // bits of the highest address",
        f"  typedef logic [{ADDRESS_BITS - 1}:0] address_t;  // in bytes",
        "",
        "  // Byte addresses.",
        f"  typedef enum logic [{ADDRESS_BITS - 1}:0] {{  // Yosys takes no name of a type here",
    ]
    last = list(REGISTERS)[-1]
    for register in REGISTERS.values():
        address = f"{ADDRESS_BITS}'h{register.address:0{digits}x}"
        comma = "" if register.name == last else ","
        lines.append(f"    {_camel(register.name)}Address = {address}{comma}  // {register.meaning}")
    lines += ["  } register_e;", ""]
    for register in REGISTERS.values():
        name = _camel(register.name)
        if register.value is not None:
            lines.append(f"  localparam logic [31:0] {name}Value = 32'h{register.value:08x};")
        if register.words > 1:
            lines.append(f"  localparam int unsigned {name}Words = {register.words};")
        for field in register.fields:
            bit = f"{name}{_camel(field.name)}Bit"
            lines.append(f"  localparam int unsigned {bit} = {field.bit};  // {field.meaning}")
    counters = [register for register in REGISTERS.values() if register.counter]
    lines += [
        "",
        "  // The counters, one after the other.",
        f"  localparam int unsigned CounterCount = {len(counters)};",
        f"  localparam address_t FirstCounterAddress = {_camel(counters[0].name)}Address;",
    ]
    for index, register in enumerate(counters):
        lines.append(f"  localparam int unsigned {_camel(register.name)}Counter = {index};")
    return "\n".join([*lines, "endpackage"]) + "\n"


def emit_header() -> str:
    """``askew_registers.h``, for the simulation's harness and for drivers."""
    lines = [
        "// The AXI4-Lite registers of an Askew design.",
        f"// {ORIGIN}",
        "#pragma once",
        "#include <array>",
        "#include <cstdint>",
        "",
        "namespace askew {",
        "",
    ]
    for register in REGISTERS.values():
        name = register.name.upper()
        lines += [f"// {register.meaning}", f"constexpr std::uint32_t {name} = {register.address:#05x};"]
        if register.value is not None:
            lines.append(f"constexpr std::uint32_t {name}_VALUE = {register.value:#010x};")
        if register.words > 1:
            lines.append(f"constexpr std::uint32_t {name}_WORDS = {register.words};")
        for field in register.fields:
            flag = f"{name}_{field.name.upper()}"
            lines += [f"// {field.meaning}", f"constexpr std::uint32_t {flag} = {1 << field.bit:#x};"]
    readable = [
        f"{address:#05x}"
        for register in REGISTERS.values()
        if register.access is not Access.WRITE
        for address in register.addresses
    ]
    rows = [", ".join(readable[i : i + 12]) for i in range(0, len(readable), 12)]
    lines += [
        "",
        "// All that can be read, in the order of addresses.",
        f"constexpr std::array<std::uint32_t, {len(readable)}> READABLE{{",
        *(f"    {row}," for row in rows),
        "};",
        "",
        "}  // namespace askew",
    ]
    return "\n".join(lines) + "\n"


def emit_document() -> str:
    """``docs/registers.md``."""
    effects = {
        Access.READ: "read",
        Access.WRITE: "write; reads as 0",
        Access.CLEAR: "read; writing 1 clears a flag",
    }
    lines = [
        "# Registers",
        "",
        f"<!-- {ORIGIN} -->",
        "",
        f"Every design has AXI4-Lite registers of 32 bits in {1 << ADDRESS_BITS:,} bytes, {ADDRESS_BITS} address bits.",
        f"Addresses are in bytes. {UNMAPPED}",
        "Constants are in `askew_registers_pkg` (SystemVerilog) and `askew_registers.h` (C++), in a design's folder.",
        "",
        "| address | name | access | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for register in REGISTERS.values():
        first, last = register.addresses[0], register.addresses[-1]
        where = f"`{first:#05x}`" if first == last else f"`{first:#05x}` .. `{last:#05x}`"
        kind = "counter: " if register.counter else ""
        lines.append(f"| {where} | `{register.name}` | {effects[register.access]} | {kind}{register.meaning} |")
        lines += [f"| | bit {field.bit} | | `{field.name}`: {field.meaning} |" for field in register.fields]
    lines += ["", "Counters count modulo 2^32, all since they were last cleared by `control`."]
    return "\n".join(lines) + "\n"
