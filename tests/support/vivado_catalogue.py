"""The cells of a block design as their product guides have them: configuration keys, pins, interfaces, segments.

Sources: PG021 (AXI DMA), PG082 and UG585 (Zynq-7000's processing system), PG201 and UG1085 (Zynq UltraScale+'s), PG164
(Processor System Reset), PG247 (SmartConnect). Only what a small design touches.
"""

from dataclasses import dataclass, field

POWERS = {str(1 << n) for n in range(5, 11)}  # 32 .. 1024


@dataclass
class Interface:
    """One interface of a cell; ``width`` 0 takes any."""

    mode: str  # master or slave
    protocol: str  # axi4, axi3, axi4lite, axis
    width: int
    clock: str


@dataclass
class Shape:
    """What a cell looks like under its configuration."""

    inputs: dict[str, str] = field(default_factory=dict)  # pin -> clock, reset_n, data
    outputs: dict[str, str] = field(default_factory=dict)
    interfaces: dict[str, Interface] = field(default_factory=dict)
    segments: dict[str, str] = field(default_factory=dict)  # slave segment -> interface
    spaces: dict[str, tuple[str, int]] = field(default_factory=dict)  # address space -> interface, address bits
    external: tuple[str, ...] = ()


ONE, EITHER = {"1"}, {"0", "1"}
KEYS = {  # vlnv -> key -> default, allowed (None: any number)
    "xilinx.com:ip:processing_system7": {
        "PCW_USE_M_AXI_GP0": ("0", EITHER),
        "PCW_USE_S_AXI_HP0": ("0", EITHER),
        "PCW_S_AXI_HP0_DATA_WIDTH": ("64", {"32", "64"}),
        "PCW_EN_CLK0_PORT": ("1", EITHER),
        "PCW_EN_RST0_PORT": ("1", EITHER),
        "PCW_FPGA0_PERIPHERAL_FREQMHZ": ("50", None),
    },
    "xilinx.com:ip:zynq_ultra_ps_e": {
        "PSU__USE__M_AXI_GP0": ("1", EITHER),
        "PSU__USE__M_AXI_GP1": ("1", EITHER),
        "PSU__USE__M_AXI_GP2": ("0", EITHER),
        "PSU__USE__S_AXI_GP2": ("0", EITHER),
        "PSU__SAXIGP2__DATA_WIDTH": ("128", {"32", "64", "128"}),
        "PSU__USE__FABRIC__RST": ("1", EITHER),
        "PSU__FPGA_PL0_ENABLE": ("1", EITHER),
        "PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ": ("100", None),
    },
    "xilinx.com:ip:proc_sys_reset": {},
    "xilinx.com:ip:smartconnect": {
        "NUM_SI": ("2", {str(n) for n in range(1, 17)}),
        "NUM_MI": ("1", {str(n) for n in range(1, 17)}),
    },
    "xilinx.com:ip:axi_dma": {
        "c_include_sg": ("1", EITHER),
        "c_sg_length_width": ("14", {str(n) for n in range(8, 27)}),
        "c_addr_width": ("32", {str(n) for n in range(32, 65)}),
        "c_include_mm2s": ("1", EITHER),
        "c_m_axi_mm2s_data_width": ("32", POWERS),
        "c_m_axis_mm2s_tdata_width": ("32", {"8", "16"} | POWERS),
        "c_include_s2mm": ("1", EITHER),
        "c_m_axi_s2mm_data_width": ("32", POWERS),
        "c_s_axis_s2mm_tdata_width": ("32", {"8", "16"} | POWERS),
    },
}


def shape_of(vlnv: str, config: dict[str, str]) -> Shape:
    """Pins and interfaces; ValueError where the configuration is one that the cell refuses."""
    on = {key for key, value in config.items() if value == "1"}
    if vlnv == "xilinx.com:ip:processing_system7":
        shape = Shape(external=("DDR", "FIXED_IO"))
        if "PCW_EN_CLK0_PORT" in on:
            shape.outputs["FCLK_CLK0"] = "clock"
        if "PCW_EN_RST0_PORT" in on:
            shape.outputs["FCLK_RESET0_N"] = "reset_n"
        if "PCW_USE_M_AXI_GP0" in on:
            shape.inputs["M_AXI_GP0_ACLK"] = "clock"
            shape.interfaces["M_AXI_GP0"] = Interface("master", "axi3", 32, "M_AXI_GP0_ACLK")
            shape.spaces["Data"] = ("M_AXI_GP0", 32)
        if "PCW_USE_S_AXI_HP0" in on:
            shape.inputs["S_AXI_HP0_ACLK"] = "clock"
            width = int(config["PCW_S_AXI_HP0_DATA_WIDTH"])
            shape.interfaces["S_AXI_HP0"] = Interface("slave", "axi3", width, "S_AXI_HP0_ACLK")
            shape.segments["S_AXI_HP0/HP0_DDR_LOWOCM"] = "S_AXI_HP0"
        return shape
    if vlnv == "xilinx.com:ip:zynq_ultra_ps_e":
        shape = Shape()
        if "PSU__FPGA_PL0_ENABLE" in on:
            shape.outputs["pl_clk0"] = "clock"
        if "PSU__USE__FABRIC__RST" in on:
            shape.outputs["pl_resetn0"] = "reset_n"
        for number, name in (("0", "HPM0_FPD"), ("1", "HPM1_FPD"), ("2", "HPM0_LPD")):
            if f"PSU__USE__M_AXI_GP{number}" in on:
                clock = f"maxi{name.lower()}_aclk"
                shape.inputs[clock] = "clock"
                shape.interfaces[f"M_AXI_{name}"] = Interface("master", "axi4", 128, clock)
                shape.spaces["Data"] = ("M_AXI_HPM0_FPD", 40)
        if "PSU__USE__S_AXI_GP2" in on:
            shape.inputs["saxihp0_fpd_aclk"] = "clock"
            width = int(config["PSU__SAXIGP2__DATA_WIDTH"])
            shape.interfaces["S_AXI_HP0_FPD"] = Interface("slave", "axi4", width, "saxihp0_fpd_aclk")
            shape.segments["SAXIGP2/HP0_DDR_LOW"] = "S_AXI_HP0_FPD"
        return shape
    if vlnv == "xilinx.com:ip:proc_sys_reset":
        return Shape(
            inputs={"slowest_sync_clk": "clock", "ext_reset_in": "reset_n"},
            outputs={"interconnect_aresetn": "reset_n", "peripheral_aresetn": "reset_n"},
        )
    if vlnv == "xilinx.com:ip:smartconnect":
        shape = Shape(inputs={"aclk": "clock", "aresetn": "reset_n"})
        for index in range(int(config["NUM_SI"])):
            shape.interfaces[f"S{index:02d}_AXI"] = Interface("slave", "any", 0, "aclk")
        for index in range(int(config["NUM_MI"])):
            shape.interfaces[f"M{index:02d}_AXI"] = Interface("master", "any", 0, "aclk")
        return shape
    if vlnv == "xilinx.com:ip:axi_dma":
        if "c_include_sg" in on:
            raise ValueError("with scatter and gather there is a port M_AXI_SG, which is not modelled")
        shape = Shape(inputs={"s_axi_lite_aclk": "clock", "axi_resetn": "reset_n"})
        shape.interfaces["S_AXI_LITE"] = Interface("slave", "axi4lite", 32, "s_axi_lite_aclk")
        shape.segments["S_AXI_LITE/Reg"] = "S_AXI_LITE"
        for way, mode, stream in (("mm2s", "master", "m_axis_mm2s"), ("s2mm", "slave", "s_axis_s2mm")):
            memory, beat = int(config[f"c_m_axi_{way}_data_width"]), int(config[f"c_{stream}_tdata_width"])
            if beat > memory:
                raise ValueError(f"c_{stream}_tdata_width ({beat}) must not be more than the memory's ({memory})")
            clock = f"m_axi_{way}_aclk"
            shape.inputs[clock] = "clock"
            shape.interfaces[f"M_AXI_{way.upper()}"] = Interface("master", "axi4", memory, clock)
            shape.interfaces[stream.upper()] = Interface(mode, "axis", beat, clock)
            shape.spaces[f"Data_{way.upper()}"] = (f"M_AXI_{way.upper()}", int(config["c_addr_width"]))
        return shape
    raise ValueError(f"no such IP: {vlnv}")
