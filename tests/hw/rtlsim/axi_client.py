"""What cocotb runs in the simulator: cocotbext-axi's DMA side, sink and AXI4-Lite master against ``askew_ip``.

Not collected by pytest; ``test_ip.py`` starts it. Nothing here is shared with the project's own harness.
"""

import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)

GIVEN = json.loads(Path(os.environ["ASKEW_IP_VECTORS"]).read_text())
FRAMES = [bytes(frame) for frame in GIVEN["frames"]]
LABELS = GIVEN["labels"]
# Bytes of frame 0 that are kept -> its label then.
OF_ZEROS = {int(kept): label for kept, label in GIVEN["labels_of_cut_frame_0"].items()}
MAGIC, ERRORS, CONTROL, FRAMES_IN, FRAMES_OUT, SHORT, HASH = 0x00, 0x08, 0x0C, 0x10, 0x14, 0x20, 0x40


class Client:
    """Clock, reset, and the three ports."""

    def __init__(self, dut):
        self.dut = dut
        cocotb.start_soon(Clock(dut.aclk, 10, unit="ns").start())
        reset = {"reset_active_level": False}
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.aclk, dut.aresetn, **reset)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.aclk, dut.aresetn, **reset)
        self.lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.aclk, dut.aresetn, **reset)

    async def reset(self):
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 4)
        self.dut.aresetn.value = 1
        await ClockCycles(self.dut.aclk, 2)

    async def labels(self):
        """Of one packet that comes out."""
        packet = await with_timeout(self.sink.recv(), 2, "ms")
        octets = bytes(packet.tdata)
        assert len(octets) % 4 == 0
        return [int.from_bytes(octets[at : at + 4], "little") for at in range(0, len(octets), 4)]

    async def word(self, address):
        answer = await self.lite.read(address, 4)
        return answer.resp, int.from_bytes(answer.data, "little")


async def started(dut):
    client = Client(dut)
    await client.reset()
    return client


def gaps(seed, share):
    rng = random.Random(seed)
    while True:
        yield rng.random() < share


@cocotb.test()
async def a_tlast_each_frame(dut):
    client = await started(dut)
    for frame, label in zip(FRAMES, LABELS, strict=True):
        await client.source.send(AxiStreamFrame(frame))
        assert await client.labels() == [label]


@cocotb.test()
async def a_batch_with_one_tlast_at_its_end(dut):
    """What a DMA sends; twice, so that the second batch begins where the first ended."""
    client = await started(dut)
    for _ in range(2):
        await client.source.send(AxiStreamFrame(b"".join(FRAMES)))
    for _ in range(2):
        assert await client.labels() == LABELS
    assert (await client.word(FRAMES_IN))[1] == (await client.word(FRAMES_OUT))[1] == 2 * len(FRAMES)
    assert await client.word(ERRORS) == (AxiResp.OKAY, 0)


@cocotb.test()
async def back_pressure_and_gaps(dut):
    client = await started(dut)
    client.source.set_pause_generator(gaps(1, 0.4))
    client.sink.set_pause_generator(gaps(2, 0.9))
    for count in (1, len(FRAMES), 2, 1):
        await client.source.send(AxiStreamFrame(b"".join(FRAMES[:count])))
        assert await client.labels() == LABELS[:count]


@cocotb.test()
async def reset_in_the_midst_of_a_frame(dut):
    client = await started(dut)
    half = FRAMES[1][: len(FRAMES[1]) // 2]
    for _ in range(3):
        await client.source.send(AxiStreamFrame(half))
        await ClockCycles(dut.aclk, 3)
        client.source.clear()
        await client.reset()
        while not client.sink.empty():
            client.sink.recv_nowait()
        await client.source.send(AxiStreamFrame(b"".join(FRAMES)))
        assert await client.labels() == LABELS


@cocotb.test()
async def wrong_lengths_are_flagged_and_what_follows_is_right(dut):
    """A packet that ends within a frame, at any byte, is filled up with zeros, flagged, and answered."""
    client = await started(dut)
    for count, (kept, label) in enumerate(OF_ZEROS.items(), 1):
        await client.source.send(AxiStreamFrame(FRAMES[1] + FRAMES[0][:kept]))
        assert await client.labels() == [LABELS[1], label], kept
        await client.source.send(AxiStreamFrame(FRAMES[2]))
        assert await client.labels() == [LABELS[2]]
        assert await client.word(SHORT) == (AxiResp.OKAY, count)
        assert await client.word(ERRORS) == (AxiResp.OKAY, 1)
        await client.lite.write(ERRORS, (1).to_bytes(4, "little"))
        assert await client.word(ERRORS) == (AxiResp.OKAY, 0)


@cocotb.test()
async def strict_mode_cuts_what_is_too_long(dut):
    client = await started(dut)
    await client.lite.write(CONTROL, (2).to_bytes(4, "little"))
    await client.source.send(AxiStreamFrame(FRAMES[0] + FRAMES[1] + FRAMES[2][:3]))
    assert await client.labels() == [LABELS[0]]
    await client.source.send(AxiStreamFrame(FRAMES[3]))
    assert await client.labels() == [LABELS[3]]
    assert await client.word(ERRORS) == (AxiResp.OKAY, 2)


@cocotb.test()
async def registers_answer_every_address_and_many_at_once(dut):
    client = await started(dut)
    assert await client.word(MAGIC) == (AxiResp.OKAY, 0x41534B57)
    identity = await client.lite.read(HASH, 32)
    assert b"".join(bytes(identity.data[at : at + 4][::-1]) for at in range(0, 32, 4)).hex() == GIVEN["hash"]
    for address in (0x2C, 0x60, 0x80, 0x100, 0x800, 0xFFC):  # nothing is there, nor an alias of what is elsewhere
        assert await client.word(address) == (AxiResp.SLVERR, 0), hex(address)
        answer = await client.lite.write(address, b"\xff\xff\xff\xff")
        assert answer.resp == AxiResp.SLVERR, hex(address)
    for at in range(4):  # parts of a word
        octets = bytes((await client.lite.read(MAGIC + at, 1)).data)
        assert octets == (0x41534B57).to_bytes(4, "little")[at : at + 1]
    assert (await client.lite.read(MAGIC + 2, 4)).resp == AxiResp.OKAY  # across two words
    # Writes and reads at the same time, and frames meanwhile.
    await client.source.send(AxiStreamFrame(b"".join(FRAMES)))
    reads = [cocotb.start_soon(client.lite.read(MAGIC, 4)) for _ in range(20)]
    writes = [cocotb.start_soon(client.lite.write(ERRORS, b"\x03\x00\x00\x00")) for _ in range(20)]
    for read in reads:
        assert bytes((await read).data) == (0x41534B57).to_bytes(4, "little")
    for write in writes:
        assert (await write).resp == AxiResp.OKAY
    assert await client.labels() == LABELS


@cocotb.test()
async def a_write_whose_data_comes_first(dut):
    """W before AW, and AW before W, each held for some cycles."""
    client = Client(dut)
    await client.reset()
    for first, second in (("aw", "w"), ("w", "aw")):
        dut.s_axi_awaddr.value, dut.s_axi_wdata.value, dut.s_axi_wstrb.value = CONTROL, 2, 15
        getattr(dut, f"s_axi_{first}valid").value = 1
        await ClockCycles(dut.aclk, 5)
        assert not dut.s_axi_bvalid.value
        getattr(dut, f"s_axi_{second}valid").value = 1
        dut.s_axi_bready.value = 1
        while True:
            await RisingEdge(dut.aclk)
            if dut.s_axi_awready.value and dut.s_axi_wready.value:
                break
        dut.s_axi_awvalid.value = dut.s_axi_wvalid.value = 0
        while not dut.s_axi_bvalid.value:
            await RisingEdge(dut.aclk)
        assert int(dut.s_axi_bresp.value) == 0
        await ClockCycles(dut.aclk, 2)
