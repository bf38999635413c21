// Streams frames through a verilated design at full speed and writes down what comes out, when, and who waited.
//
// One copy of the design per thread; each takes a contiguous part of the frames and goes on until it has all their labels and
// all that is to be captured: a label can leave before outputs of an earlier layer that nothing needs. Then the first one
// reads its registers. Exit status: 0 all came, 3 a stream is stuck (the statistics say which), 2 anything else, with one
// line on stderr.
#include "askew_registers.h"
#include "simulated.h"

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

namespace {

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

struct Counters {
  std::vector<BitCounters> accepted, blocked, starved, busy;
  Counters() : accepted(FACTS.words()), blocked(FACTS.words()), starved(FACTS.words()), busy(FACTS.words()) {}
};

struct Options {
  std::string images, out;
  std::string trace;
  size_t frames = 0, trace_first = 0, trace_last = 0, threads = 1;
  uint64_t stall = 0, seed = 0, limit = 100000;  // stall: probability times 2^32
  bool capture_all = false;  // every layer's output, not only the scores
  std::map<size_t, size_t> beats;  // frames that are given a wrong number of beats, for tests
};

struct RegisterRead {
  uint32_t address, value;
  uint64_t seen;  // what the harness had counted at the pins in the cycle in which it was read
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
      : options_(options), images_(images), first_(first), last_(last), done_(done), random_(options.seed + first),
        valid_(FACTS.words()), ready_(FACTS.words()), busy_(FACTS.words()), open_(FACTS.words(), ~uint64_t{0}) {
    captured.resize(options.capture_all ? FACTS.captures.size() : 1);
    unfilled_ = captured.size();
    reads_ = first == 0 ? askew::READABLE.size() : 0;
  }

  std::vector<uint32_t> labels;
  std::vector<uint64_t> label_cycles;
  std::vector<std::vector<uint8_t>> captured;
  std::vector<RegisterRead> registers;
  Counters before_last, at_last;
  uint64_t cycles = 0;
  int64_t first_beat_cycle = -1;
  bool is_stuck = false;
  std::string stuck;  // the streams that wait, as JSON
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
    const bool traced = !options_.trace.empty();
    bool tracing = false;
    const std::unique_ptr<Simulated> design = make_simulated(traced);
    design->set_reset(true);
    design->set_handshakes(false, false);
    design->set_strict(!options_.beats.empty());
    design->set_open(open_.data());
    for (int half = 0; half < 8; ++half) design->eval(half & 1);
    design->set_reset(false);

    size_t frame = first_, beat = 0, frame_beats = beats_of(frame);
    const uint8_t* next_beat = image(frame);
    uint64_t idle = 0, cycle = 0;  // since the reset, where the cycle model starts too
    bool shown = false;
    labels.reserve(last_ - first_);
    while (!finished() || registers.size() < reads_) {
      const bool reading = finished();
      if (!shown && !stalled()) {
        shown = true;
        design->set_beat(next_beat, beat + 1 == frame_beats);
      }
      const bool takes = !stalled();
      design->set_handshakes(shown, takes);
      if (FACTS.gates && options_.stall) stall_streams(*design);
      if (reading) design->set_read(!asked_, askew::READABLE[registers.size()]);
      design->eval(false);
      if (tracing) design->dump_trace(2 * cycle);
      bool moved = count(*design);
      if (reading) read_register(*design, cycle);
      stalls_in_ += shown && !design->input_ready();
      stalls_out_ += !takes && design->output_valid();
      if (shown && design->input_ready()) {
        moved = true;
        if (first_beat_cycle < 0) first_beat_cycle = static_cast<int64_t>(cycle);
        if (traced && beat == 0 && frame == options_.trace_first) {
          tracing = design->open_trace(options_.trace.c_str());
          if (!tracing) throw std::runtime_error("cannot write " + options_.trace);
          design->dump_trace(2 * cycle);
        }
        shown = false;
        next_beat += FACTS.beat_bytes;
        if (++beat % FACTS.frame_beats == 0) next_beat = image(frame);  // a frame that is too long repeats itself
        if (beat == frame_beats) {
          beat = 0;
          ++frames_in_;
          frame_beats = beats_of(++frame);
          next_beat = image(frame);
        }
      }
      capture(*design);
      if (takes && design->output_valid()) {
        moved = true;
        ++frames_out_;
        if (labels.size() < last_ - first_) take_label(design->label(), cycle);
        if (tracing && first_ + frames_out_ > options_.trace_last) {
          design->close_trace();
          tracing = false;
        }
      }
      idle = moved ? 0 : idle + 1;
      if (idle > options_.limit) {
        report_stuck();
        break;
      }
      design->eval(true);
      if (tracing) design->dump_trace(2 * cycle + 1);
      ++cycle;
    }
    cycles = cycle;
    if (tracing) design->close_trace();
  }

  bool finished() const { return labels.size() == last_ - first_ && !unfilled_; }

  void take_label(uint32_t label, uint64_t cycle) {
    labels.push_back(label);
    label_cycles.push_back(cycle);
    before_last = at_last;
    at_last = counters_;
    done_.fetch_add(1, std::memory_order_relaxed);
  }

  // In the cycle in which the address is taken the register gives what it counted before that cycle; so does this.
  void read_register(const Simulated& design, uint64_t cycle) {
    const uint32_t address = askew::READABLE[registers.size()];
    uint32_t value = 0;
    if (!asked_ && design.read_accepted()) {
      asked_ = true;
      seen_ = address == askew::FRAMES_IN       ? frames_in_
              : address == askew::FRAMES_OUT    ? frames_out_
              : address == askew::INPUT_STALLS  ? stalls_in_
              : address == askew::OUTPUT_STALLS ? stalls_out_
              : address == askew::CYCLES        ? cycle
                                                : 0;
    } else if (asked_ && design.read_answer(value)) {
      registers.push_back({address, value, seen_});
      asked_ = false;
    }
  }

  bool stalled() { return options_.stall && random_.chance(options_.stall); }

  // After its last frame a worker goes on with others, so that the design is as busy at the last label as before.
  const uint8_t* image(size_t frame) const {
    return images_ + frame % options_.frames * FACTS.beat_bytes * FACTS.frame_beats;
  }

  size_t beats_of(size_t frame) const {
    const auto found = options_.beats.find(frame);
    return found == options_.beats.end() ? FACTS.frame_beats : found->second;
  }

  void stall_streams(Simulated& design) {
    for (size_t stream = 0; stream < FACTS.streams; ++stream) {
      const uint64_t bit = uint64_t{1} << stream % 64;
      if (stalled()) open_[stream / 64] &= ~bit;
      else open_[stream / 64] |= bit;
    }
    design.set_open(open_.data());
  }

  // Adds this cycle to the counters; whether any stream moved or any unit worked.
  bool count(const Simulated& design) {
    design.monitors(valid_.data(), ready_.data(), busy_.data());
    uint64_t moved = 0;
    for (size_t i = 0; i < valid_.size(); ++i) {
      moved |= (valid_[i] & ready_[i]) | busy_[i];
      counters_.accepted[i].add(valid_[i] & ready_[i]);
      counters_.blocked[i].add(valid_[i] & ~ready_[i]);
      counters_.starved[i].add(~valid_[i] & ready_[i]);
      counters_.busy[i].add(busy_[i]);
    }
    return moved != 0;
  }

  void capture(const Simulated& design) {
    for (size_t i = 0; i < captured.size(); ++i) {
      const Capture& facts = FACTS.captures[i];
      const uint64_t accepted = valid_[facts.stream / 64] & ready_[facts.stream / 64];
      if (!(accepted >> facts.stream % 64 & 1)) continue;
      const size_t whole = facts.bytes * facts.beats * (last_ - first_);
      if (captured[i].size() == whole) continue;  // of frames after the last one
      design.append_capture(i, captured[i]);
      if (captured[i].size() == whole) --unfilled_;
    }
  }

  void report_stuck() {
    is_stuck = true;
    for (size_t stream = 0; stream < FACTS.streams; ++stream) {
      const bool valid = valid_[stream / 64] >> stream % 64 & 1, ready = ready_[stream / 64] >> stream % 64 & 1;
      if (!valid && !ready) continue;
      if (!stuck.empty()) stuck += ", ";
      stuck += "{\"stream\": " + std::to_string(stream) + ", \"valid\": " + (valid ? "true" : "false") +
               ", \"ready\": " + (ready ? "true" : "false") + "}";
    }
  }

  const Options& options_;
  const uint8_t* images_;
  const size_t first_, last_;
  std::atomic<size_t>& done_;
  Random random_;
  Counters counters_;
  std::vector<uint64_t> valid_, ready_, busy_, open_;
  size_t unfilled_ = 0;  // captures that are not complete
  size_t reads_ = 0;     // registers to read
  uint64_t frames_in_ = 0, frames_out_ = 0, stalls_in_ = 0, stalls_out_ = 0, seen_ = 0;
  bool asked_ = false;  // a register's address has been taken
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

void write_counters(std::ofstream& file, const char* key, const std::vector<BitCounters>& now,
                    const std::vector<BitCounters>& before) {
  file << "  \"" << key << "\": [";
  for (size_t stream = 0; stream < FACTS.streams; ++stream) {
    const size_t at = stream / 64, bit = stream % 64;
    file << (stream ? ", " : "") << now[at].count(bit) - before[at].count(bit);
  }
  file << "],\n";
}

int simulate_all(int argc, char** argv) {
  const Options options = parse(argc, argv);
  std::ifstream file(options.images, std::ios::binary);
  const std::vector<uint8_t> images((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (images.size() != options.frames * FACTS.beat_bytes * FACTS.frame_beats) throw std::runtime_error(options.images + ": wrong size");

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

  bool is_stuck = false;
  std::string stuck;
  uint64_t cycles = 0;
  std::vector<const std::vector<uint32_t>*> labels;
  for (const auto& worker : workers) {
    if (!worker->error.empty()) throw std::runtime_error(worker->error);
    if (worker->is_stuck && !is_stuck) stuck = worker->stuck;
    is_stuck |= worker->is_stuck;
    labels.push_back(&worker->labels);
    cycles += worker->cycles;
  }
  write_file(options.out + "/labels.bin", labels);
  for (size_t i = 0; i < workers.front()->captured.size(); ++i) {
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
  statistics << "],\n  \"registers\": [";
  for (size_t i = 0; i < first.registers.size(); ++i) {
    const RegisterRead& read = first.registers[i];
    statistics << (i ? ", [" : "[") << read.address << ", " << read.value << ", " << read.seen << "]";
  }
  statistics << "],\n  \"stuck\": [" << stuck << "],\n  \"is_stuck\": " << (is_stuck ? "true" : "false")
             << ",\n  \"cycles\": " << cycles << ",\n  \"seconds\": " << seconds << "\n}\n";
  if (!statistics.flush()) throw std::runtime_error("cannot write " + options.out + "/statistics.json");
  return is_stuck ? 3 : 0;
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
