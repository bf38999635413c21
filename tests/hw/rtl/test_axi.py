"""axis_frame_guard, axis_bytes and axil_regs against naive descriptions in Python."""

import numpy as np
import pytest

CYCLES = 1500
BEATS = [1, 2, 5, 8]
HASH = "0123456789abcdef" + "fedcba9876543210" + "00112233445566778899aabbccddeeff"
ENDS, SHORT, LONG = 1 << 12, 1 << 13, 1 << 14
PARTIAL = 1 << 12
STRICT = 1
GUARDS = [(beats, strict) for strict in (0, STRICT) for beats in BEATS]
WIDTHS = [(1, 1), (1, 3), (4, 1), (4, 3), (8, 49), (16, 8), (8, 24), (64, 49), (4, 4), (128, 5)]  # bytes in, out


@pytest.fixture(scope="module")
def bench(rtl):
    units = [rtl.Unit("guard_probe", 13, 15, {"BEATS": beats, "STRICT": strict}) for beats, strict in GUARDS]
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
    for beats, _ in GUARDS:
        lengths = [max(1, beats + int(rng.choice([0, 0, 0, -1, 1, -beats, 9]))) for _ in range(30)]
        guard_frames.append([rng.integers(1, 4096, length).tolist() for length in lengths])
    traces = _run(rtl, bench, rng, share, guard_frames, [])
    for (beats, strict), frames, trace in zip(GUARDS, guard_frames, traces, strict=False):
        if not strict:
            continue
        expected = [beat for frame in frames for beat in (frame + [0] * beats)[:beats]]
        assert [beat % 4096 for beat in trace.beats] == expected
        assert trace.lasts == [i % beats == beats - 1 for i in range(len(expected))]
        assert len(trace.accepted) == sum(map(len, frames))
        wrong = [SHORT if len(frame) < beats else LONG if len(frame) > beats else 0 for frame in frames]
        assert [beat - beat % 4096 - ENDS for beat in trace.beats[beats - 1 :: beats]] == wrong


@pytest.mark.parametrize("share", [(1, 1), (0.5, 0.7)])
def test_a_packet_may_hold_several_frames(rtl, bench, share):
    """A packet's last frame, and no other, ends it; where beats, or a part of its last one, are missing it is short."""
    rng = np.random.default_rng(9)
    packets = []
    for beats, _ in GUARDS:
        lengths = [max(1, int(rng.integers(1, 5)) * beats + int(rng.choice([0, 0, -1, 1]))) for _ in range(20)]
        packets.append([rng.integers(1, 4096, length).tolist() for length in lengths])
        for packet in packets[-1]:
            packet[-1] += PARTIAL * int(rng.random() < 0.3)
    traces = _run(rtl, bench, rng, share, packets, [])
    for (beats, strict), sent, trace in zip(GUARDS, packets, traces, strict=False):
        if strict:
            continue
        expected = []
        for packet in sent:
            short = len(packet) % beats or packet[-1] >= PARTIAL
            data = [beat % PARTIAL for beat in packet] + [0] * (-len(packet) % beats)
            expected += [*data[:-1], data[-1] + ENDS + (SHORT if short else 0)]
        assert trace.beats == expected
        assert trace.lasts == [i % beats == beats - 1 for i in range(len(expected))]


@pytest.fixture(scope="module")
def converters(rtl):
    return rtl.bench(
        [rtl.Unit("bytes_probe", 9 * i, 8 * o + 1, {"IN_BYTES": i, "OUT_BYTES": o}) for i, o in WIDTHS], {}
    )


@pytest.mark.parametrize("share", [(1, 1), (0.5, 0.7)])
def test_bytes_go_through_in_order_whatever_the_widths(rtl, converters, share):
    """Packets of any number of bytes, an empty beat at the end included; a packet begins a beat of its own."""
    rng = np.random.default_rng(10)
    drives, expected = [], []
    for taken, given in WIDTHS:
        beats, lasts, wanted = [], [], []
        while len(beats) < 200:
            packet = rng.bytes(int(rng.choice([given, 3 * given, taken, rng.integers(1, 6 * given + 2)])))
            empty = int(len(packet) % taken == 0 and rng.random() < 0.3)
            for at in range(0, len(packet) + empty * taken, taken):
                part = packet[at : at + taken]
                noise = rng.bytes(taken - len(part))
                beats.append(int.from_bytes(part + noise, "little") | (1 << len(part)) - 1 << 8 * taken)
                lasts.append(at + taken >= len(packet) + empty * taken)
            if empty and len(packet) % given == 0:
                wanted += [(packet[at : at + given], False) for at in range(0, len(packet), given)] + [(b"", True)]
            else:
                wanted += [(packet[at : at + given], at + given >= len(packet)) for at in range(0, len(packet), given)]
        drives.append(rtl.Drive(beats, lasts, *(rtl.willing(rng, 6 * CYCLES, part) for part in share)))
        expected.append(wanted)
    for (taken, given), wanted, trace in zip(WIDTHS, expected, converters.run(drives), strict=True):
        beats = [int.from_bytes(part, "little") | (len(part) < given) << 8 * given for part, _ in wanted]
        assert trace.beats[: len(beats)] == beats, (taken, given)
        assert trace.lasts == [last for _, last in wanted], (taken, given)


def test_right_frames_pass_a_guard_without_a_cycle(rtl, bench):
    rng = np.random.default_rng(3)
    guard_frames = [[rng.integers(0, 4096, beats).tolist() for _ in range(20)] for beats, _ in GUARDS]
    for frames, trace in zip(guard_frames, _run(rtl, bench, rng, (0.6, 0.6), guard_frames, []), strict=False):
        assert trace.emitted == trace.accepted
        assert [beat % 4096 for beat in trace.beats] == [beat for frame in frames for beat in frame]
        assert all(beat < SHORT for beat in trace.beats)


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
    trace = _run(rtl, bench, rng, share, [[] for _ in GUARDS], commands)[-1]
    registers = Registers()
    assert trace.beats == [registers.access(command) for command in commands]


def test_the_cycle_counter_counts_cycles(rtl, bench):
    rng = np.random.default_rng(5)
    commands = [_command(0, 0x28)] * 20
    trace = _run(rtl, bench, rng, (0.3, 1), [[] for _ in GUARDS], commands)[-1]
    assert np.diff(trace.beats).tolist() == np.diff(trace.accepted).tolist()
