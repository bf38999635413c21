// Drives every stream unit of one generated wrapper at once and writes down what it did in which cycle.
// usage: bench STIMULUS TRACE; both are little-endian 32-bit words, laid out as in conftest.py.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "Vsweep.h"
#include "verilated.h"

static std::vector<uint32_t> words;
static size_t at = 0;
static uint32_t next_word() {
    if (at >= words.size()) std::abort();
    return words[at++];
}

struct Slot {
    uint32_t beat_count, beat = 0;
    const uint32_t *data, *last, *offer, *ready;
    bool valid = false;
    std::vector<uint32_t> accepted, emitted;  // cycles; cycle, last, data words
};

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    FILE *file = std::fopen(argv[1], "rb");
    if (!file) return 2;
    for (uint32_t word; std::fread(&word, 4, 1, file) == 1;) words.push_back(word);
    std::fclose(file);

    VerilatedContext context;
    context.randReset(2);
    context.randSeed(1);
    Vsweep dut{&context};

    const uint32_t slot_count = next_word(), in_words = next_word(), out_words = next_word(), cycles = next_word();
    std::vector<Slot> slots(slot_count);
    for (Slot &slot : slots) {
        slot.beat_count = next_word();
        slot.data = &words[at];
        at += size_t(slot.beat_count) * in_words;
        slot.last = &words[at];
        at += slot.beat_count;
        slot.offer = &words[at];
        at += cycles;
        slot.ready = &words[at];
        at += cycles;
    }

    dut.valid_i = 0;
    dut.ready_i = 0;
    dut.last_i = 0;
    for (int i = 0; i < 4; i++) {
        dut.rst_ni = i == 3;  // one cycle in which nothing may be valid yet
        dut.clk_i = 0;
        dut.eval();
        dut.clk_i = 1;
        dut.eval();
    }
    for (uint32_t cycle = 0; cycle < cycles; cycle++) {
        uint32_t valid = 0, ready = 0, last = 0;
        for (uint32_t k = 0; k < slot_count; k++) {
            Slot &slot = slots[k];
            if (!slot.valid && slot.beat < slot.beat_count && slot.offer[cycle]) slot.valid = true;
            if (slot.valid) {
                valid |= 1u << k;
                last |= slot.last[slot.beat] << k;
                for (uint32_t i = 0; i < in_words; i++)
                    dut.data_i[k * in_words + i] = slot.data[size_t(slot.beat) * in_words + i];
            } else {
                for (uint32_t i = 0; i < in_words; i++) dut.data_i[k * in_words + i] = std::rand();
                last |= uint32_t(std::rand() & 1) << k;
            }
            ready |= slot.ready[cycle] << k;
        }
        dut.valid_i = valid;
        dut.last_i = last;
        dut.ready_i = ready;
        dut.clk_i = 0;
        dut.eval();
        const uint32_t accept = dut.ready_o & valid, emit = dut.valid_o & ready;
        for (uint32_t k = 0; k < slot_count; k++) {
            Slot &slot = slots[k];
            if (accept >> k & 1) {
                slot.accepted.push_back(cycle);
                slot.beat++;
                slot.valid = false;
            }
            if (emit >> k & 1) {
                slot.emitted.push_back(cycle);
                slot.emitted.push_back(dut.last_o >> k & 1);
                for (uint32_t i = 0; i < out_words; i++) slot.emitted.push_back(dut.data_o[k * out_words + i]);
            }
        }
        dut.clk_i = 1;
        dut.eval();
        if (context.gotError()) return 1;
    }
    dut.final();

    file = std::fopen(argv[2], "wb");
    if (!file) return 2;
    for (const Slot &slot : slots) {
        const uint32_t header[2] = {uint32_t(slot.accepted.size()), uint32_t(slot.emitted.size() / (2 + out_words))};
        std::fwrite(header, 4, 2, file);
        std::fwrite(slot.accepted.data(), 4, slot.accepted.size(), file);
        std::fwrite(slot.emitted.data(), 4, slot.emitted.size(), file);
    }
    return std::fclose(file) ? 2 : 0;
}
