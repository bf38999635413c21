"""Network + folding -> a folder of SystemVerilog, memory files and a manifest. Structure only: logic is in hw/rtl."""

from hw.generator.design import Design, DesignError, read_manifest

__all__ = ["Design", "DesignError", "read_manifest"]
