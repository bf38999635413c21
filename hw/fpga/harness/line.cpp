// A chip at the end of a serial line. Reads orders from standard input, each two little-endian 32-bit numbers, the bytes to
// send and the bytes to expect, and then the bytes; sends them bit by bit, waits for the answer, and writes its number of
// bytes (32 bits), the clock cycles so far (64 bits) and the bytes to standard output. The computer's clock is not the chip's:
// a bit lasts NUMERATOR/DENOMINATOR cycles, told apart from the chip's own count by a drift in parts per million.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "Vchip.h"
#include "chip_pins.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

namespace {

class Line {
 public:
  Line(double bit_cycles, uint64_t patience) : bit_(bit_cycles), patience_(patience) {
    chip_.CLOCK = 0;
    chip_.RECEIVE = 1;
    hold_reset(chip_, true);
    for (int i = 0; i < 8; ++i) cycle();
    hold_reset(chip_, false);
    for (int i = 0; i < 64; ++i) cycle();
  }
  ~Line() { chip_.final(); }

  std::vector<uint8_t> exchange(const std::vector<uint8_t>& bytes, size_t expected) {
    for (const uint8_t byte : bytes) {
      send_bit(0);
      for (int i = 0; i < 8; ++i) send_bit(byte >> i & 1);
      send_bit(1);
    }
    for (uint64_t quiet = 0; received_.size() < expected && quiet < patience_; ++quiet) {
      if (receiving_) quiet = 0;
      cycle();
    }
    std::vector<uint8_t> answer(received_.begin(), received_.begin() + std::min(expected, received_.size()));
    received_.erase(received_.begin(), received_.begin() + answer.size());
    return answer;
  }
  uint64_t cycles() const { return cycles_; }

 private:
  void send_bit(int level) {
    chip_.RECEIVE = level;
    for (due_ += bit_; due_ >= 1; due_ -= 1) cycle();
  }

  void cycle() {
    chip_.CLOCK = 0;
    chip_.eval();
    chip_.CLOCK = 1;
    chip_.eval();
    ++cycles_;
    listen(chip_.SEND & 1);
  }

  void listen(int level) {
    if (!receiving_) {
      if (last_ && !level) {
        receiving_ = true;
        bits_ = 0;
        until_ = bit_ / 2;
      }
    } else if ((until_ -= 1) <= 0) {
      until_ += bit_;
      if (bits_ == 0 && level) receiving_ = false;
      if (bits_ >= 1 && bits_ <= 8) byte_ = static_cast<uint8_t>(byte_ >> 1 | level << 7);
      if (bits_++ == 9) {
        receiving_ = false;
        if (level) received_.push_back(byte_);
      }
    }
    last_ = level;
  }

  Vchip chip_;
  const double bit_;
  const uint64_t patience_;
  double due_ = 0, until_ = 0;
  uint64_t cycles_ = 0;
  std::vector<uint8_t> received_;
  bool receiving_ = false;
  int last_ = 1, bits_ = 0;
  uint8_t byte_ = 0;
};

bool read_all(void* target, size_t size) { return std::fread(target, 1, size, stdin) == size; }

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const double bit_cycles = std::atof(argv[1]) * (1 + std::atof(argv[2]) / 1e6);
  Line line(bit_cycles, std::strtoull(argv[3], nullptr, 10));
  uint32_t order[2];
  while (read_all(order, sizeof order)) {
    std::vector<uint8_t> bytes(order[0]);
    if (!read_all(bytes.data(), bytes.size())) return 2;
    const std::vector<uint8_t> answer = line.exchange(bytes, order[1]);
    const uint32_t count = static_cast<uint32_t>(answer.size());
    const uint64_t cycles = line.cycles();
    std::fwrite(&count, sizeof count, 1, stdout);
    std::fwrite(&cycles, sizeof cycles, 1, stdout);
    std::fwrite(answer.data(), 1, count, stdout);
    std::fflush(stdout);
  }
  return 0;
}
