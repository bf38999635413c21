# The block design: processor, its clock and reset, DMA to and from its memory, and the packaged design. Every connection is
# named here; nothing is left to automation but the processor's pins, which its board's preset knows. Where Vivado does not
# have the board, they stay as they are by default: on a PYNQ board its boot image has set memory and pins up already.
# Reads the variables of settings.tcl.

create_bd_design $design
set has_board [expr {[get_property board_part [current_project]] ne ""}]

switch $processor {
  zynq {
    set ps [create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7 ps]
    apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 \
      -config [list make_external "FIXED_IO, DDR" apply_board_preset $has_board Master Disable Slave Disable] $ps
    set_property -dict [list \
      CONFIG.PCW_USE_M_AXI_GP0 1 \
      CONFIG.PCW_USE_S_AXI_HP0 1 \
      CONFIG.PCW_S_AXI_HP0_DATA_WIDTH 64 \
      CONFIG.PCW_EN_CLK0_PORT 1 \
      CONFIG.PCW_EN_RST0_PORT 1 \
      CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $clock_mhz] $ps
    set clock ps/FCLK_CLK0
    set reset ps/FCLK_RESET0_N
    set processor_clocks {ps/M_AXI_GP0_ACLK ps/S_AXI_HP0_ACLK}
    set control ps/M_AXI_GP0
    set memory ps/S_AXI_HP0
    set memory_segments {ps/S_AXI_HP0/HP0_DDR_LOWOCM}
  }
  zynqmp {
    set ps [create_bd_cell -type ip -vlnv xilinx.com:ip:zynq_ultra_ps_e ps]
    if {$has_board} {
      apply_bd_automation -rule xilinx.com:bd_rule:zynq_ultra_ps_e -config {apply_board_preset 1} $ps
    }
    set_property -dict [list \
      CONFIG.PSU__USE__M_AXI_GP0 1 \
      CONFIG.PSU__USE__M_AXI_GP1 0 \
      CONFIG.PSU__USE__M_AXI_GP2 0 \
      CONFIG.PSU__USE__S_AXI_GP2 1 \
      CONFIG.PSU__SAXIGP2__DATA_WIDTH 128 \
      CONFIG.PSU__USE__FABRIC__RST 1 \
      CONFIG.PSU__FPGA_PL0_ENABLE 1 \
      CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ $clock_mhz] $ps
    set clock ps/pl_clk0
    set reset ps/pl_resetn0
    set processor_clocks {ps/maxihpm0_fpd_aclk ps/saxihp0_fpd_aclk}
    set control ps/M_AXI_HPM0_FPD
    set memory ps/S_AXI_HP0_FPD
    set memory_segments {ps/SAXIGP2/HP0_DDR_LOW}
  }
}

create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset reset
create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect to_registers
set_property -dict {CONFIG.NUM_SI 1 CONFIG.NUM_MI 2} [get_bd_cells to_registers]
create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect to_memory
set_property -dict {CONFIG.NUM_SI 2 CONFIG.NUM_MI 1} [get_bd_cells to_memory]
create_bd_cell -type ip -vlnv xilinx.com:ip:axi_dma $dma_cell
set_property -dict [list \
  CONFIG.c_include_sg 0 \
  CONFIG.c_sg_length_width $length_bits \
  CONFIG.c_addr_width $address_bits \
  CONFIG.c_include_mm2s 1 \
  CONFIG.c_m_axi_mm2s_data_width $memory_bits \
  CONFIG.c_m_axis_mm2s_tdata_width $stream_bits \
  CONFIG.c_include_s2mm 1 \
  CONFIG.c_m_axi_s2mm_data_width $label_bits \
  CONFIG.c_s_axis_s2mm_tdata_width $label_bits] [get_bd_cells $dma_cell]
create_bd_cell -type ip -vlnv askew:pynq:$core_module:1.0 $core_cell
set_property -dict [list CONFIG.C_S_AXIS_TDATA_WIDTH $stream_bits] [get_bd_cells $core_cell]

proc join_interfaces {from to} {
  connect_bd_intf_net [get_bd_intf_pins $from] [get_bd_intf_pins $to]
}
join_interfaces $control to_registers/S00_AXI
join_interfaces to_registers/M00_AXI $dma_cell/S_AXI_LITE
join_interfaces to_registers/M01_AXI $core_cell/s_axi
join_interfaces $dma_cell/M_AXI_MM2S to_memory/S00_AXI
join_interfaces $dma_cell/M_AXI_S2MM to_memory/S01_AXI
join_interfaces to_memory/M00_AXI $memory
join_interfaces $dma_cell/M_AXIS_MM2S $core_cell/s_axis
join_interfaces $core_cell/m_axis $dma_cell/S_AXIS_S2MM

foreach pin [concat $processor_clocks [list reset/slowest_sync_clk to_registers/aclk to_memory/aclk \
    $dma_cell/s_axi_lite_aclk $dma_cell/m_axi_mm2s_aclk $dma_cell/m_axi_s2mm_aclk $core_cell/aclk]] {
  connect_bd_net [get_bd_pins $clock] [get_bd_pins $pin]
}
connect_bd_net [get_bd_pins $reset] [get_bd_pins reset/ext_reset_in]
foreach pin [list to_registers/aresetn to_memory/aresetn] {
  connect_bd_net [get_bd_pins reset/interconnect_aresetn] [get_bd_pins $pin]
}
foreach pin [list $dma_cell/axi_resetn $core_cell/aresetn] {
  connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins $pin]
}

assign_bd_address -offset $dma_base -range $dma_range -target_address_space [get_bd_addr_spaces ps/Data] \
  [get_bd_addr_segs $dma_cell/S_AXI_LITE/Reg]
assign_bd_address -offset $core_base -range $core_range -target_address_space [get_bd_addr_spaces ps/Data] \
  [get_bd_addr_segs $core_cell/s_axi/reg0]
foreach space {Data_MM2S Data_S2MM} {
  assign_bd_address -target_address_space [get_bd_addr_spaces $dma_cell/$space] [get_bd_addr_segs $memory_segments]
}

validate_bd_design
set frequency [get_property CONFIG.FREQ_HZ [get_bd_pins $clock]]
save_bd_design
