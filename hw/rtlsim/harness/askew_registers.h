// The AXI4-Lite registers of an Askew design.
// Written by `python -m hw.generator.registers` from its registers.toml; change that table instead.
#pragma once
#include <array>
#include <cstdint>

namespace askew {

// always 0x41534b57, "ASKW"
constexpr std::uint32_t MAGIC = 0x000;
constexpr std::uint32_t MAGIC_VALUE = 0x41534b57;
// what made the design: Askew 1.2.3 is 0x00010203
constexpr std::uint32_t VERSION = 0x004;
// what has gone wrong since it was cleared
constexpr std::uint32_t ERRORS = 0x008;
// a frame ended too early, and was filled up with zeros
constexpr std::uint32_t ERRORS_SHORT_FRAME = 0x1;
// in strict mode: a frame ended too late, and was cut
constexpr std::uint32_t ERRORS_LONG_FRAME = 0x2;
// commands
constexpr std::uint32_t CONTROL = 0x00c;
// writing 1 sets all counters to 0
constexpr std::uint32_t CONTROL_CLEAR_COUNTERS = 0x1;
// 1, until 0 is written: every frame must have its own TLAST, and one without is too long and cut; 0: a packet may hold several frames
constexpr std::uint32_t CONTROL_STRICT = 0x2;
// frames that came in; in strict mode by their TLAST
constexpr std::uint32_t FRAMES_IN = 0x010;
// labels that were taken
constexpr std::uint32_t FRAMES_OUT = 0x014;
// cycles in which an input beat waited
constexpr std::uint32_t INPUT_STALLS = 0x018;
// cycles in which a label waited
constexpr std::uint32_t OUTPUT_STALLS = 0x01c;
// frames that were too short
constexpr std::uint32_t SHORT_FRAMES = 0x020;
// frames that were too long
constexpr std::uint32_t LONG_FRAMES = 0x024;
// cycles since the counters were cleared
constexpr std::uint32_t CYCLES = 0x028;
// SHA-256 of the network, its first eight hexadecimal digits first
constexpr std::uint32_t NETWORK_HASH = 0x040;
constexpr std::uint32_t NETWORK_HASH_WORDS = 8;

// All that can be read, in the order of addresses.
constexpr std::array<std::uint32_t, 18> READABLE{
    0x000, 0x004, 0x008, 0x010, 0x014, 0x018, 0x01c, 0x020, 0x024, 0x028, 0x040, 0x044,
    0x048, 0x04c, 0x050, 0x054, 0x058, 0x05c,
};

}  // namespace askew
