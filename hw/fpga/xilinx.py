"""Pins and clock of a chip in Xilinx' language, for every flow that builds one."""

from __future__ import annotations

from hw.fpga.chip import Chip


def constraints(chip: Chip) -> str:
    """The oscillator's clock and the pins; of a chip without pins, the clock that is asked for."""
    pins = chip.uart
    mhz = chip.asked_mhz if pins is None else pins.clock_mhz
    text = f"create_clock -name clk_i -period {1000 / mhz:.3f} [get_ports clk_i]\n"
    if pins is None:
        return text
    sites = {"clk_i": pins.clock, "rx_i": pins.rx, "tx_o": pins.tx} | ({"reset_i": pins.reset} if pins.reset else {})
    for port, found in (("led_o", pins.leds), ("high_o", pins.high)):
        sites |= {f"{port}[{index}]": site for index, site in enumerate(found)}
    for port, site in sites.items():
        text += f"set_property PACKAGE_PIN {site} [get_ports {{{port}}}]\n"
        text += f"set_property IOSTANDARD {pins.io_standard} [get_ports {{{port}}}]\n"
    return text
