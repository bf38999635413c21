"""The AXI4-Lite registers of a design: one table, from which SystemVerilog, C++ and the documentation are written."""

from hw.generator.registers.table import ADDRESS_BITS, REGISTERS, Access, Field, Register, RegisterMapError, read_table

__all__ = ["ADDRESS_BITS", "REGISTERS", "Access", "Field", "Register", "RegisterMapError", "read_table"]
