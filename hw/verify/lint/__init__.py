"""Lint of the SystemVerilog: every module alone, with Verilator and with slang."""

from hw.verify.lint.check import LintError, lint_with_slang, lint_with_verilator

__all__ = ["LintError", "lint_with_slang", "lint_with_verilator"]
