// The part of zlib that Verilator's waveform writer calls, with stored blocks (RFC 1950, RFC 1951) instead of deflate:
// a waveform needs no library beside the compiler.
#pragma once
#include <cstdint>
#include <cstring>

using Bytef = unsigned char;
using uLong = unsigned long;
using uLongf = unsigned long;
constexpr int Z_OK = 0;
constexpr int Z_BUF_ERROR = -5;

inline uLong compressBound(uLong size) { return size + 5 * (size / 65535 + 1) + 6; }

inline int compress2(Bytef* destination, uLongf* capacity, const Bytef* source, uLong size, int) {
  if (*capacity < compressBound(size)) return Z_BUF_ERROR;
  Bytef* out = destination;
  *out++ = 0x78;
  *out++ = 0x01;
  uint32_t low = 1, high = 0;  // Adler-32
  uLong at = 0;
  do {
    const uLong block = size - at < 65535 ? size - at : 65535;
    *out++ = at + block == size;
    const uint16_t lengths[2] = {static_cast<uint16_t>(block), static_cast<uint16_t>(~block)};
    for (const uint16_t length : lengths) {
      *out++ = static_cast<Bytef>(length & 255);
      *out++ = static_cast<Bytef>(length >> 8);
    }
    std::memcpy(out, source + at, block);
    for (uLong i = 0; i < block; ++i) {
      low = (low + source[at + i]) % 65521;
      high = (high + low) % 65521;
    }
    out += block;
    at += block;
  } while (at < size);
  const uint32_t sum = high << 16 | low;
  for (int shift = 24; shift >= 0; shift -= 8) *out++ = static_cast<Bytef>(sum >> shift & 255);
  *capacity = static_cast<uLong>(out - destination);
  return Z_OK;
}
