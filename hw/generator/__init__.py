"""Chain + folding -> a folder of SystemVerilog, memory files and a manifest. Structure only: logic is in hw/rtl."""

from hw.generator.design import DEFAULT_CLOCK_MHZ, Design, DesignError, file_popcount, read_manifest

__all__ = ["DEFAULT_CLOCK_MHZ", "Design", "DesignError", "file_popcount", "read_manifest"]
