"""The handshakes of every unit in ``hw/rtl``, cycle by cycle and without data, compiled with Numba.

Each unit is the few registers that its timing depends on. Every ``valid`` depends on registers alone, every ``ready``
on registers and on the next unit's ``ready``; so one cycle is one walk from the last unit to the first, which finds
each unit's ready and takes its registers on. What a unit does in a cycle is described in ``hw/rtl/README.md``, under
the unit's name; which rule a unit follows, and with what parameters, it says itself (``Unit.timing``). All rules are in
this one file because Numba's cache of compiled code watches no other: a change of a rule elsewhere would go unseen.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

FIFO, CONVERTER, REGISTER, DIRECT, REPLAY, WINDOW, POOL, LABEL = range(8)

PARAMETERS = 13
STATES = 8
ACCEPTED, STARVED, BLOCKED, BUSY = range(4)  # columns of the counters
COUNTERS = 4
REPORTED = (ACCEPTED, BUSY, BLOCKED, STARVED)

Table = NDArray[np.int64]


@njit(cache=True)
def advance(  # noqa: PLR0912, PLR0915 - one cycle of every kind of unit; Numba inlines what one loop holds
    kind: Table,
    par: Table,
    state: Table,
    counters: Table,
    start_cycle: int,
    end_cycle: int,
    limit: int,
    label_cycles: Table,
    sink_ready: int,
) -> tuple[int, int, int]:
    """Run until ``end_cycle``, or as many labels have left as ``label_cycles`` has room for, or nothing moved.

    The source always has a beat; the sink takes every beat or, with ``sink_ready`` 0, none.

    Args:
        kind: (units,) one of the constants above.
        par: (units, PARAMETERS), as a unit's ``timing`` gives them.
        state: (units, STATES) the registers; changed.
        counters: (units, COUNTERS) per unit: input beats accepted, cycles ready without input, cycles in which the
            output waits, cycles at work; changed.
        start_cycle: number of the first cycle.
        end_cycle: number of the cycle before which to stop; negative: never.
        limit: longest standstill.
        label_cycles: (labels,) gets the cycle in which each label left.
        sink_ready: 1 or 0.

    Returns:
        The number of the next cycle; labels that left; the cycle in which the first beat was accepted, or -1.
    """
    units = len(kind)
    valid = np.zeros(units + 1, np.int64)  # valid[u + 1]: output of unit u; valid[0]: the source
    valid[0] = 1
    asleep = np.full(units, -1)  # the handshakes beside a unit in which it did nothing, and so will do nothing again
    readies = np.zeros(units, np.int64)
    for u in range(units):
        valid[u + 1] = _valid(kind[u], par, state, u)
    labels = len(label_cycles)
    cycle = start_cycle
    first = -1
    done = 0
    idle = 0
    while done < labels and idle < limit and cycle != end_cycle:
        moved = 0
        ready_out = sink_ready
        if valid[units] and sink_ready:
            label_cycles[done] = cycle
            done += 1
            moved = 1
        # A unit's ready needs the next unit's, and its valid has to be that before the edge.
        for u in range(units - 1, -1, -1):
            leaves = valid[u + 1] & ready_out
            free = ready_out | (1 - valid[u + 1])  # the clock enable of a rigid pipeline
            offered = valid[u]
            counters[u, BLOCKED] += 1 - free
            handshakes = 2 * offered + ready_out
            if asleep[u] == handshakes:
                ready_out = readies[u]
                counters[u, STARVED] += ready_out & (1 - offered)
                continue
            k = kind[u]
            shifts = 0
            if k in (REPLAY, DIRECT):
                if k == DIRECT:
                    ready = free & (state[u, 2] == par[u, 2] - 1)
                    arrives = offered & ready
                    work = free & offered
                else:
                    # 1: r, 2: nf, 3: beats written of this vector and later ones, 4: beats freed of this vector
                    ready = int(state[u, 3] - state[u, 4] < par[u, 3])
                    arrives = offered & ready
                    work = free & (state[u, 1] < state[u, 3])
                    state[u, 3] += arrives
                if free:
                    shifts = state[u, 0]
                    pipe = ((state[u, 0] << 1) | (work & (state[u, 1] == par[u, 1] - 1))) & par[u, 4]
                    state[u, 0] = pipe
                    valid[u + 1] = (pipe >> (par[u, 0] - 1)) & 1
                if work:
                    if k == DIRECT:
                        _count(state, par, u, 2, 1)
                    else:
                        state[u, 4] += state[u, 2] == par[u, 2] - 1
                        if _count(state, par, u, 1, 2):
                            state[u, 3] -= par[u, 1]
                            state[u, 4] = 0
            elif k == WINDOW:
                ready = int(state[u, 1] - state[u, 2] != par[u, 11])
                arrives = offered & ready
                work = _step_window(state, par, u) if free else 0
                state[u, 1] += arrives
                if free:
                    state[u, 0] = work
                    valid[u + 1] = work
            elif k == CONVERTER:
                left = state[u, 0] - leaves * par[u, 1]
                ready = int(left < par[u, 1])
                arrives = offered & ready
                work = arrives
                left += arrives * par[u, 0]
                state[u, 0] = left
                valid[u + 1] = left >= par[u, 1]
            elif k == FIFO:
                ready = int(state[u, 0] < par[u, 0])
                arrives = offered & ready
                work = arrives
                state[u, 0] += arrives - leaves
                valid[u + 1] = state[u, 0] > 0
            elif k == POOL:
                ready = free & (state[u, 1] < par[u, 0]) & (state[u, 2] < par[u, 1])
                arrives = offered & ready
                work = 0
                if free:
                    work = _step_pool(state, par, u, arrives)
                    valid[u + 1] = state[u, 0]
            else:
                ready = free
                arrives = offered & ready
                work = arrives
                if k == REGISTER:
                    if free:
                        state[u, 0] = offered
                        valid[u + 1] = offered
                elif free:
                    # 1: beats of this frame at the last comparison, 2: beats on their way there, one a bit
                    shifts = state[u, 2]
                    pipe = (state[u, 2] << 1) | arrives
                    state[u, 2] = pipe & par[u, 2]
                    state[u, 1] += (pipe >> par[u, 1]) & 1
                    state[u, 0] = state[u, 1] == par[u, 0]
                    if state[u, 0]:
                        state[u, 1] = 0
                    valid[u + 1] = state[u, 0]
            counters[u, ACCEPTED] += arrives
            counters[u, STARVED] += ready & (1 - offered)
            counters[u, BUSY] += work
            moved |= arrives | work
            asleep[u] = -1 if arrives | work | leaves | shifts else handshakes
            readies[u] = ready
            ready_out = ready
        if first < 0 and ready_out:
            first = cycle
        idle = 0 if moved else idle + 1
        cycle += 1
    return cycle, done, first


@njit(cache=True, inline="always")
def _valid(kind: int, par: Table, state: Table, u: int) -> int:
    """Whether unit ``u`` offers a beat: a matter of its registers alone."""
    if kind in (DIRECT, REPLAY):
        return int((state[u, 0] >> (par[u, 0] - 1)) & 1)
    if kind == CONVERTER:
        return int(state[u, 0] >= par[u, 1])
    return int(state[u, 0] > 0)


@njit(cache=True, inline="always")
def _count(state: Table, par: Table, u: int, inner: int, outer: int) -> bool:
    """Advance the two nested counters of a matrix; True where both start over. Counter i runs to parameter i."""
    state[u, inner] += 1
    if state[u, inner] < par[u, inner]:
        return False
    state[u, inner] = 0
    state[u, outer] += 1
    if state[u, outer] < par[u, outer]:
        return False
    state[u, outer] = 0
    return True


@njit(cache=True)
def _step_window(state: Table, par: Table, u: int) -> int:
    """One cycle of the reading side that nothing holds up; 1 where a beat was issued.

    State: 1: words written, 2: oldest word still needed, both from the start of the frame being read; 3: oy, 4: ox,
    5: ky, 6: kx, 7: cw.
    """
    y = state[u, 3] * par[u, 5] - par[u, 7] + state[u, 5]
    x = state[u, 4] * par[u, 6] - par[u, 8] + state[u, 6]
    inside = y >= 0 and y < par[u, 0] and x >= 0 and x < par[u, 1]
    if inside and (y * par[u, 1] + x) * par[u, 2] + state[u, 7] >= state[u, 1]:
        return 0
    state[u, 7] += 1
    if state[u, 7] < par[u, 2]:
        return 1
    state[u, 7] = 0
    state[u, 6] += 1
    if state[u, 6] < par[u, 4]:
        return 1
    state[u, 6] = 0
    state[u, 5] += 1
    if state[u, 5] < par[u, 3]:
        return 1
    state[u, 5] = 0
    state[u, 4] += 1
    if state[u, 4] == par[u, 10]:
        state[u, 4] = 0
        state[u, 3] += 1
    if state[u, 3] == par[u, 9]:
        state[u, 3] = 0
        state[u, 1] -= par[u, 0] * par[u, 1] * par[u, 2]
    y0 = state[u, 3] * par[u, 5] - par[u, 7]
    x0 = state[u, 4] * par[u, 6] - par[u, 8]
    state[u, 2] = 0 if y0 < 0 else (y0 * par[u, 1] + max(x0, 0)) * par[u, 2]
    return 1


@njit(cache=True)
def _step_pool(state: Table, par: Table, u: int, arrives: int) -> int:
    """One cycle of the walk over the grid that nothing holds up; 1 where it moved on.

    State: 0: output register, 1: y, 2: x, 3: cw.
    Positions are counted from the image's first row and column: padding above and left is never walked.
    """
    y, x = state[u, 1], state[u, 2]
    state[u, 0] = 0
    if y < par[u, 0] and x < par[u, 1] and not arrives:
        return 0
    below = y + par[u, 7] - (par[u, 3] - 1)  # row of the window that this row completes, times the stride
    right = x + par[u, 8] - (par[u, 4] - 1)
    if (
        below >= 0
        and right >= 0
        and below % par[u, 5] == 0
        and right % par[u, 6] == 0
        and below // par[u, 5] < par[u, 9]
        and right // par[u, 6] < par[u, 10]
    ):
        state[u, 0] = 1
    state[u, 3] += 1
    if state[u, 3] == par[u, 2]:
        state[u, 3] = 0
        state[u, 2] += 1
        if state[u, 2] == par[u, 12]:
            state[u, 2] = 0
            state[u, 1] += 1
            if state[u, 1] == par[u, 11]:
                state[u, 1] = 0
    return 1
