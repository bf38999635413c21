// What the harness needs of a verilated design. The harness is compiled once; adapter.cpp implements this for each
// design, with the sizes that design.h states.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

struct Capture {
  size_t stream;  // whose accepted beats are written down
  size_t bytes;   // of a beat
  size_t beats;   // of a frame
};

struct Facts {
  size_t beat_bytes;   // of the input
  size_t frame_beats;  // of the input
  size_t streams;      // stream 0 is the input, stream i + 1 the output of unit i
  bool gates;          // every stream can be held up
  std::vector<Capture> captures;

  size_t words() const { return (streams + 63) / 64; }
};

class Simulated {
 public:
  virtual ~Simulated() = default;
  virtual void eval(bool clock) = 0;
  virtual void set_reset(bool active) = 0;
  virtual void set_beat(const uint8_t* bytes, bool last) = 0;
  virtual void set_strict(bool strict) = 0;  // every frame must have its own TLAST
  virtual void set_handshakes(bool input_valid, bool output_ready) = 0;
  virtual void set_open(const uint64_t* words) = 0;
  virtual bool input_ready() const = 0;
  virtual bool output_valid() const = 0;
  virtual uint32_t label() const = 0;
  virtual void set_read(bool valid, uint32_t address) = 0;  // of a register
  virtual bool read_accepted() const = 0;
  virtual bool read_answer(uint32_t& value) const = 0;  // whether it is there
  virtual void monitors(uint64_t* valid, uint64_t* ready, uint64_t* busy) const = 0;  // one bit a stream
  virtual void append_capture(size_t index, std::vector<uint8_t>& bytes) const = 0;
  virtual bool open_trace(const char* path) = 0;
  virtual void dump_trace(uint64_t time) = 0;
  virtual void close_trace() = 0;
};

extern const Facts FACTS;
std::unique_ptr<Simulated> make_simulated(bool traced);
