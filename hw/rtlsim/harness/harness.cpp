// Streams frames through a verilated design at full speed and writes down what comes out, when, and who waited.
//
// design.h, which Python writes, says which model this is, its sizes and its streams. One model per thread; each takes
// a contiguous part of the frames. Exit status: 0 all labels came, 3 a stream is stuck (the statistics say which),
// 2 anything else, with one line on stderr.
#include "design.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "verilated.h"
#if VM_TRACE
#include "verilated_fst_c.h"
#endif

double sc_time_stamp() { return 0; }

namespace {

// A port is an integer or, above 64 bits, an array of 32-bit words.
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
// A port's value is little-endian bytes on every machine that Verilator's own word layout supports here.
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

// Counts, for 64 bits at once, in how many cycles each was 1: plane p holds bit p of every count.
class BitCounters {
 public:
  void add(uint64_t bits) {
    for (size_t plane = 0; bits; ++plane) {
      const uint64_t carry = planes_[plane] & bits;
      planes_[plane] ^= bits;
      bits = carry;
    }
  }
  uint64_t count(size_t bit) const {
    uint64_t total = 0;
    for (size_t plane = 0; plane < planes_.size(); ++plane) total |= (planes_[plane] >> bit & 1) << plane;
    return total;
  }

 private:
  std::array<uint64_t, 48> planes_{};
};

constexpr size_t WORDS = (STREAMS + 63) / 64;
struct Counters {
  std::array<BitCounters, WORDS> accepted, blocked, starved, busy;
};

struct Options {
  std::string images, out;
  std::string trace;
  size_t frames = 0, trace_first = 0, trace_last = 0, threads = 1;
  uint64_t stall = 0, seed = 0, limit = 100000;  // stall: probability times 2^32
  bool capture_all = false;  // every layer's output, not only the scores
  std::map<size_t, size_t> beats;  // frames that are given a wrong number of beats, for tests
};

// xorshift64*: fast, and the same on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 0x632BE59BD9B4E019u) {
    if (!state_) state_ = 1;
  }
  uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1Du;
  }
  bool chance(uint64_t probability) { return (next() >> 32) < probability; }

 private:
  uint64_t state_;
};

class Worker {
 public:
  Worker(const Options& options, const uint8_t* images, size_t first, size_t last, std::atomic<size_t>& done)
      : options_(options), images_(images), first_(first), last_(last), done_(done), random_(options.seed + first) {
    captured.resize(CAPTURES);
  }

  std::vector<uint32_t> labels;
  std::vector<uint64_t> label_cycles;
  std::vector<std::vector<uint8_t>> captured;
  Counters before_last, at_last;
  uint64_t cycles = 0;
  int64_t first_beat_cycle = -1;
  std::string stuck;
  std::string error;

  void run() {
    try {
      simulate();
    } catch (const std::exception& problem) {
      error = problem.what();
    }
  }

 private:
  void simulate() {
    VerilatedContext context;
    MODEL model(&context);
#if VM_TRACE
    VerilatedFstC trace;
    bool tracing = false;
    if (!options_.trace.empty()) {
      context.traceEverOn(true);
      model.trace(&trace, 99);
    }
#endif
    model.clk_i = 0;
    model.rst_ni = 0;
    model.s_valid = 0;
    model.s_last = 0;
    model.m_ready = 0;
    set_open(model, ~uint64_t{0});
    for (int half = 0; half < 8; ++half) {
      model.clk_i = !model.clk_i;
      model.eval();
    }
    model.clk_i = 0;
    model.rst_ni = 1;

    size_t frame = first_, beat = 0, frame_beats = beats_of(frame);
    const uint8_t* next_beat = image(frame);
    uint64_t idle = 0, cycle = 0;
    bool shown = false;
    labels.reserve(last_ - first_);
    while (labels.size() < last_ - first_) {
      if (!shown && !(options_.stall && random_.chance(options_.stall))) {
        shown = true;
        copy_in(model.s_data, next_beat, BEAT_BYTES);
        model.s_last = beat + 1 == frame_beats;
      }
      model.s_valid = shown;
      model.m_ready = !(options_.stall && random_.chance(options_.stall));
      if (GATES && options_.stall) stall_streams(model);
      model.eval();
#if VM_TRACE
      if (tracing) trace.dump(2 * cycle);
#endif
      uint64_t moved = count(model);
      const bool accepted = shown && model.s_ready;
      if (accepted) {
        moved = 1;
        if (first_beat_cycle < 0) first_beat_cycle = static_cast<int64_t>(cycle);
#if VM_TRACE
        if (!options_.trace.empty() && beat == 0 && frame == options_.trace_first) {
          trace.open(options_.trace.c_str());
          tracing = trace.isOpen();
          if (!tracing) throw std::runtime_error("cannot write " + options_.trace);
          trace.dump(2 * cycle);
        }
#endif
        shown = false;
        next_beat += BEAT_BYTES;
        if (++beat % FRAME_BEATS == 0 && beat < frame_beats) next_beat -= FRAME_BYTES;  // a frame that is too long
        if (beat == frame_beats) {
          beat = 0;
          frame_beats = beats_of(++frame);
          next_beat = image(frame);
        }
      }
      capture(model);
      if (model.m_valid && model.m_ready) {
        moved = 1;
        labels.push_back(static_cast<uint32_t>(model.m_data));
        label_cycles.push_back(cycle);
        before_last = at_last;
        at_last = counters_;
        done_.fetch_add(1, std::memory_order_relaxed);
#if VM_TRACE
        if (tracing && first_ + labels.size() > options_.trace_last) {
          trace.close();
          tracing = false;
        }
#endif
      }
      idle = moved ? 0 : idle + 1;
      if (idle > options_.limit) {
        report_stuck(model);
        break;
      }
      model.clk_i = 1;
      model.eval();
#if VM_TRACE
      if (tracing) trace.dump(2 * cycle + 1);
#endif
      model.clk_i = 0;
      ++cycle;
    }
    cycles = cycle;
#if VM_TRACE
    if (tracing) trace.close();
#endif
    model.final();
  }

  // After its last frame a worker goes on with others, so that the design is as busy at the last label as before.
  const uint8_t* image(size_t frame) const { return images_ + frame % options_.frames * FRAME_BYTES; }

  size_t beats_of(size_t frame) const {
    const auto found = options_.beats.find(frame);
    return found == options_.beats.end() ? FRAME_BEATS : found->second;
  }

  static void set_open(MODEL& model, uint64_t bits) {
    for (size_t index = 0; index < WORDS; ++index) assign_word(model.open_i, index, bits);
#ifdef OPEN_TOP_MASK
    assign_word(model.open_i, WORDS - 1, bits & OPEN_TOP_MASK);
#endif
  }

  void stall_streams(MODEL& model) {
    for (size_t index = 0; index < WORDS; ++index) {
      uint64_t open = 0;
      for (size_t bit = 0; bit < 64 && index * 64 + bit < STREAMS; ++bit) {
        open |= static_cast<uint64_t>(!random_.chance(options_.stall)) << bit;
      }
      assign_word(model.open_i, index, open);
    }
  }

  // Adds this cycle to the counters; whether any stream moved or any unit worked.
  uint64_t count(const MODEL& model) {
    uint64_t moved = 0;
    for (size_t index = 0; index < WORDS; ++index) {
      const uint64_t valid = word(model.mon_valid, index), ready = word(model.mon_ready, index);
      const uint64_t busy = word(model.mon_busy, index);
      moved |= (valid & ready) | busy;
      counters_.accepted[index].add(valid & ready);
      counters_.blocked[index].add(valid & ~ready);
      counters_.starved[index].add(~valid & ready);
      counters_.busy[index].add(busy);
    }
    return moved;
  }

  void capture(const MODEL& model) {
    for_captures(model, options_.capture_all, [&](size_t index, size_t stream, const auto& data, size_t bytes, size_t beats) {
      const size_t at = stream / 64, bit = stream % 64;
      if (captured[index].size() == bytes * beats * (last_ - first_)) return;  // of the frames after the last one
      if ((word(model.mon_valid, at) & word(model.mon_ready, at)) >> bit & 1) copy_out(data, captured[index], bytes);
    });
  }

  void report_stuck(const MODEL& model) {
    for (size_t stream = 0; stream < STREAMS; ++stream) {
      const bool valid = word(model.mon_valid, stream / 64) >> stream % 64 & 1;
      const bool ready = word(model.mon_ready, stream / 64) >> stream % 64 & 1;
      if (!valid && !ready) continue;
      if (!stuck.empty()) stuck += ", ";
      stuck += "{\"stream\": " + std::to_string(stream) + ", \"valid\": " + (valid ? "true" : "false") +
               ", \"ready\": " + (ready ? "true" : "false") + "}";
    }
    if (stuck.empty()) stuck = " ";
  }

  const Options& options_;
  const uint8_t* images_;
  const size_t first_, last_;
  std::atomic<size_t>& done_;
  Random random_;
  Counters counters_;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i], value = argv[i + 1];
    if (key == "--images") options.images = value;
    else if (key == "--out") options.out = value;
    else if (key == "--frames") options.frames = std::stoull(value);
    else if (key == "--threads") options.threads = std::stoull(value);
    else if (key == "--stall") options.stall = static_cast<uint64_t>(std::stod(value) * 4294967296.0);
    else if (key == "--seed") options.seed = std::stoull(value);
    else if (key == "--limit") options.limit = std::stoull(value);
    else if (key == "--capture") options.capture_all = value == "1";
    else if (key == "--trace") options.trace = value;
    else if (key == "--trace-first") options.trace_first = std::stoull(value);
    else if (key == "--trace-last") options.trace_last = std::stoull(value);
    else if (key == "--beats") {
      const size_t colon = value.find(':');
      options.beats[std::stoull(value.substr(0, colon))] = std::stoull(value.substr(colon + 1));
    } else throw std::runtime_error("unknown option " + key);
  }
  return options;
}

template <typename T> void write_file(const std::string& path, const std::vector<const std::vector<T>*>& parts) {
  std::ofstream file(path, std::ios::binary);
  for (const auto* part : parts) {
    file.write(reinterpret_cast<const char*>(part->data()), static_cast<std::streamsize>(part->size() * sizeof(T)));
  }
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

void write_counters(std::ofstream& file, const char* key, const std::array<BitCounters, WORDS>& now,
                    const std::array<BitCounters, WORDS>& before) {
  file << "  \"" << key << "\": [";
  for (size_t stream = 0; stream < STREAMS; ++stream) {
    const size_t at = stream / 64, bit = stream % 64;
    file << (stream ? ", " : "") << now[at].count(bit) - before[at].count(bit);
  }
  file << "],\n";
}

int simulate_all(int argc, char** argv) {
  const Options options = parse(argc, argv);
  std::ifstream file(options.images, std::ios::binary);
  const std::vector<uint8_t> images((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (images.size() != options.frames * FRAME_BYTES) throw std::runtime_error(options.images + ": wrong size");

  std::atomic<size_t> done{0};
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::thread> threads;
  const auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < options.threads; ++i) {
    const size_t first = options.frames * i / options.threads, last = options.frames * (i + 1) / options.threads;
    workers.push_back(std::make_unique<Worker>(options, images.data(), first, last, done));
  }
  std::atomic<size_t> running{workers.size()};
  for (auto& worker : workers) threads.emplace_back([&running, &worker] { worker->run(); --running; });
  for (size_t shown = 0; running;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (done != shown) {
      shown = done;
      std::printf("%zu\n", shown);
      std::fflush(stdout);
    }
  }
  for (auto& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  std::string stuck;
  uint64_t cycles = 0;
  std::vector<const std::vector<uint32_t>*> labels;
  for (const auto& worker : workers) {
    if (!worker->error.empty()) throw std::runtime_error(worker->error);
    if (stuck.empty()) stuck = worker->stuck;
    labels.push_back(&worker->labels);
    cycles += worker->cycles;
  }
  write_file(options.out + "/labels.bin", labels);
  for (size_t i = 0; i < (options.capture_all ? CAPTURES : 1); ++i) {
    std::vector<const std::vector<uint8_t>*> parts;
    for (const auto& worker : workers) parts.push_back(&worker->captured[i]);
    write_file(options.out + "/capture_" + std::to_string(i) + ".bin", parts);
  }
  const Worker& first = *workers.front();
  std::ofstream statistics(options.out + "/statistics.json");
  statistics << "{\n";
  write_counters(statistics, "accepted", first.at_last.accepted, first.before_last.accepted);
  write_counters(statistics, "blocked", first.at_last.blocked, first.before_last.blocked);
  write_counters(statistics, "starved", first.at_last.starved, first.before_last.starved);
  write_counters(statistics, "busy", first.at_last.busy, first.before_last.busy);
  statistics << "  \"label_cycles\": [";
  for (size_t i = 0; i < first.label_cycles.size(); ++i) {
    statistics << (i ? ", " : "") << static_cast<int64_t>(first.label_cycles[i]) - first.first_beat_cycle;
  }
  statistics << "],\n  \"stuck\": [" << stuck << "],\n  \"is_stuck\": " << (stuck.empty() ? "false" : "true")
             << ",\n  \"cycles\": " << cycles << ",\n  \"seconds\": " << seconds << "\n}\n";
  if (!statistics.flush()) throw std::runtime_error("cannot write " + options.out + "/statistics.json");
  return stuck.empty() ? 0 : 3;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return simulate_all(argc, argv);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "%s\n", problem.what());
    return 2;
  }
}
