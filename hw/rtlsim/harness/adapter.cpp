// The verilated design behind the harness's interface. design.h, which Python writes, has its sizes and its captures.
#include "design.h"
#include "simulated.h"

#include <cstring>

#include "verilated.h"
#if VM_TRACE
#include "verilated_fst_c.h"
#endif

double sc_time_stamp() { return 0; }

namespace {

// A port is an integer or, above 64 bits, an array of 32-bit words; its bytes are little-endian on the machines that
// Verilator's own layout of words supports.
template <typename T> uint64_t word(const T& port, size_t) { return static_cast<uint64_t>(port); }
template <size_t N> uint64_t word(const VlWide<N>& port, size_t index) {
  const uint64_t low = port.at(2 * index);
  return 2 * index + 1 < N ? low | static_cast<uint64_t>(port.at(2 * index + 1)) << 32 : low;
}
template <typename T> void assign_word(T& port, size_t, uint64_t value) { port = static_cast<T>(value); }
template <size_t N> void assign_word(VlWide<N>& port, size_t index, uint64_t value) {
  port.at(2 * index) = static_cast<uint32_t>(value);
  if (2 * index + 1 < N) port.at(2 * index + 1) = static_cast<uint32_t>(value >> 32);
}
template <typename T> void copy_in(T& port, const uint8_t* bytes, size_t count) {
  port = 0;
  std::memcpy(&port, bytes, count);
}
template <size_t N> void copy_in(VlWide<N>& port, const uint8_t* bytes, size_t count) {
  port.at(N - 1) = 0;
  std::memcpy(port.data(), bytes, count);
}
template <typename T> void copy_out(const T& port, std::vector<uint8_t>& bytes, size_t count) {
  const auto* source = reinterpret_cast<const uint8_t*>(&port);
  bytes.insert(bytes.end(), source, source + count);
}
template <size_t N> void copy_out(const VlWide<N>& port, std::vector<uint8_t>& bytes, size_t count) {
  const auto* source = reinterpret_cast<const uint8_t*>(port.data());
  bytes.insert(bytes.end(), source, source + count);
}

constexpr size_t WORDS = (STREAMS + 63) / 64;
// Verilator wants the bits above a port's width to be 0.
constexpr uint64_t TOP_MASK = STREAMS % 64 ? (uint64_t{1} << STREAMS % 64) - 1 : ~uint64_t{0};

class Model final : public Simulated {
 public:
  explicit Model(bool traced) {
    context_.traceEverOn(traced);
    model_ = std::make_unique<Vbench>(&context_);
#if VM_TRACE
    if (traced) model_->trace(&trace_, 99);
#endif
    model_->clk_i = 0;
    model_->s_last = 0;
    set_read(false, 0);
  }
  ~Model() override { model_->final(); }

  void eval(bool clock) override {
    model_->clk_i = clock;
    model_->eval();
  }
  void set_reset(bool active) override { model_->rst_ni = !active; }
  void set_beat(const uint8_t* bytes, bool last) override {
    copy_in(model_->s_data, bytes, BEAT_BYTES);
    model_->s_last = last;
  }
  void set_strict(bool strict) override { model_->strict_i = strict; }
  void set_handshakes(bool input_valid, bool output_ready) override {
    model_->s_valid = input_valid;
    model_->m_ready = output_ready;
  }
  void set_open(const uint64_t* words) override {
    for (size_t i = 0; i < WORDS; ++i) assign_word(model_->open_i, i, i + 1 < WORDS ? words[i] : words[i] & TOP_MASK);
  }
  void set_read(bool valid, uint32_t address) override {
    model_->ar_valid = valid;
    model_->ar_addr = static_cast<uint16_t>(address);
  }
  bool read_accepted() const override { return model_->ar_valid && model_->ar_ready; }
  bool read_answer(uint32_t& value) const override {
    value = model_->r_data;
    return model_->r_valid;
  }
  bool input_ready() const override { return model_->s_ready; }
  bool output_valid() const override { return model_->m_valid; }
  uint32_t label() const override { return static_cast<uint32_t>(model_->m_data); }
  void monitors(uint64_t* valid, uint64_t* ready, uint64_t* busy) const override {
    for (size_t i = 0; i < WORDS; ++i) {
      valid[i] = word(model_->mon_valid, i);
      ready[i] = word(model_->mon_ready, i);
      busy[i] = word(model_->mon_busy, i);
    }
  }
  void append_capture(size_t index, std::vector<uint8_t>& bytes) const override {
    with_capture(*model_, index, [&](const auto& port, size_t count) { copy_out(port, bytes, count); });
  }
#if VM_TRACE
  bool open_trace(const char* path) override {
    trace_.open(path);
    return trace_.isOpen();
  }
  void dump_trace(uint64_t time) override { trace_.dump(time); }
  void close_trace() override { trace_.close(); }
#else
  bool open_trace(const char*) override { return false; }
  void dump_trace(uint64_t) override {}
  void close_trace() override {}
#endif

 private:
  VerilatedContext context_;
  std::unique_ptr<Vbench> model_;
#if VM_TRACE
  VerilatedFstC trace_;
#endif
};

}  // namespace

const Facts FACTS{BEAT_BYTES, FRAME_BEATS, STREAMS, GATES, captures()};
std::unique_ptr<Simulated> make_simulated(bool traced) { return std::make_unique<Model>(traced); }
