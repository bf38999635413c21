"""axis_frame_guard and axil_regs against naive descriptions in Python."""

import numpy as np
import pytest

CYCLES = 1500
BEATS = [1, 2, 5, 8]
HASH = "0123456789abcdef" + "fedcba9876543210" + "00112233445566778899aabbccddeeff"
SHORT, LONG = 1, 2


@pytest.fixture(scope="module")
def bench(rtl):
    units = [
        rtl.Unit("axis_frame_guard", 12, 12, {"WIDTH": 12, "BEATS": beats}, ("short_o", "long_o")) for beats in BEATS
    ]
    units.append(rtl.Unit("axil_probe", 53, 34, {"HASH_FILE": "hash.hex", "VERSION": 0x010203}))
    return rtl.bench(units, {"hash.hex": "".join(f"{HASH[i : i + 8]}\n" for i in range(0, 64, 8))})


def _run(rtl, bench, rng, share, guard_frames, commands):
    drives = []
    for frames in guard_frames:
        beats = [beat for frame in frames for beat in frame]
        lasts = [i == len(frame) - 1 for frame in frames for i in range(len(frame))]
        drives.append(rtl.Drive(beats, lasts, *(rtl.willing(rng, CYCLES, part) for part in share)))
    drives.append(rtl.Drive(commands, [False] * len(commands), *(rtl.willing(rng, CYCLES, part) for part in share)))
    return bench.run(drives)


@pytest.mark.parametrize("share", [(1, 1), (0.5, 0.7)])
def test_every_frame_leaves_the_guard_with_its_length(rtl, bench, share):
    """Right frames pass unchanged, in the same cycle; short ones are filled with zeros, long ones cut."""
    rng = np.random.default_rng(2)
    guard_frames = []
    for beats in BEATS:
        lengths = [max(1, beats + int(rng.choice([0, 0, 0, -1, 1, -beats, 9]))) for _ in range(30)]
        guard_frames.append([rng.integers(1, 4096, length).tolist() for length in lengths])
    for beats, frames, trace in zip(BEATS, guard_frames, _run(rtl, bench, rng, share, guard_frames, []), strict=False):
        expected = [beat for frame in frames for beat in (frame + [0] * beats)[:beats]]
        assert trace.beats == expected
        assert trace.lasts == [i % beats == beats - 1 for i in range(len(expected))]
        assert len(trace.accepted) == sum(map(len, frames))


def test_right_frames_pass_a_guard_without_a_cycle(rtl, bench):
    rng = np.random.default_rng(3)
    guard_frames = [[rng.integers(0, 4096, beats).tolist() for _ in range(20)] for beats in BEATS]
    for frames, trace in zip(guard_frames, _run(rtl, bench, rng, (0.6, 0.6), guard_frames, []), strict=False):
        assert trace.emitted == trace.accepted
        assert trace.beats == [beat for frame in frames for beat in frame]


def _command(write, address, data=0, late=0, events=0):
    return write | address << 1 | data << 13 | late << 45 | events << 47


class Registers:
    """What a driver sees, access by access; the cycle counter apart."""

    def __init__(self):
        self.errors, self.counters = 0, dict.fromkeys(range(0x10, 0x28, 4), 0)

    def access(self, command):
        write, address, data, events = command & 1, command >> 1 & 0xFFC, command >> 13 & 0xFFFFFFFF, command >> 47
        answer, response = 0, 0
        if write:
            response = 0 if address in (0x08, 0x0C) else 2
        elif address in self.counters:
            answer = self.counters[address]
        elif 0x40 <= address < 0x60:
            answer = int(HASH[(address - 0x40) * 2 :][:8], 16)
        elif address in (0x00, 0x04, 0x08, 0x0C):
            answer = {0x00: int.from_bytes(b"ASKW"), 0x04: 0x010203, 0x08: self.errors, 0x0C: 0}[address]
        else:
            response = 2
        if write and address == 0x08:
            self.errors &= ~data
        for bit, register in enumerate(self.counters):
            self.counters[register] += events >> bit & 1
        if write and address == 0x0C and data & 1:
            self.counters = dict.fromkeys(self.counters, 0)
        self.errors |= events >> 4
        return answer | response << 32


@pytest.mark.parametrize("share", [(1, 1), (0.7, 0.5)])
def test_registers_count_identify_and_answer(rtl, bench, share):
    rng = np.random.default_rng(4)
    addresses = [*range(0, 0x28, 4), *range(0x40, 0x60, 4), 0x2C, 0x3C, 0x60, 0x7C, 0x08, 0x08, 0x0C]
    addresses += [0x80, 0x808, 0x110, 0x40C, 0x840, 0xFFC]  # that differ from registers in high bits alone
    commands = [
        _command(int(rng.random() < 0.3), int(rng.choice(addresses)), int(rng.choice([0, 1, 2, 3, 0xFFFFFFFF])),
                 int(rng.integers(0, 3)), int(rng.integers(0, 64)) & int(rng.integers(0, 64)))
        for _ in range(200)
    ]  # fmt: skip
    trace = _run(rtl, bench, rng, share, [[] for _ in BEATS], commands)[-1]
    registers = Registers()
    assert trace.beats == [registers.access(command) for command in commands]


def test_the_cycle_counter_counts_cycles(rtl, bench):
    rng = np.random.default_rng(5)
    commands = [_command(0, 0x28)] * 20
    trace = _run(rtl, bench, rng, (0.3, 1), [[] for _ in BEATS], commands)[-1]
    assert np.diff(trace.beats).tolist() == np.diff(trace.accepted).tolist()
