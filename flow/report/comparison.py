"""The comparison that the flow is for: what every stage says of the same network's hardware."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Figures = Mapping[str, Any]

SOURCES = {  # where a column's figures come from: what the reader sees
    "askew_model": "our model",
    "askew_rtl": "our RTL, Verilator",
    "finn_estimate": "FINN's estimate",
    "finn_rtlsim": "FINN's RTL",
    "finn_synthesis": "Vivado",
    "board": "board",
}

BOARD_TIMES = (
    "call_seconds",
    "hardware_frames_per_second",
    "fit_residual",
    "hardware_latency_seconds",
    "driver_seconds",
)


def compare(layers: list[str], hardware: Mapping[str, Figures | None]) -> dict[str, Any]:
    """One table by layer and one of the whole network; None where nothing gave a figure.

    Args:
        layers: names, in the network's order.
        hardware: "folding", "rtl" (what is in that folder), "rtlsim", "finn_estimate" and "finn_results" to those
            stages' figures, or None.

    Returns:
        ``layers``: name to ``pe``, ``simd``, ``finn_pe``, ``finn_simd``, ``cycles`` (by source, and ``folds``),
        ``busy_share``, ``luts`` and ``bram18`` (by source). ``whole``: source to ``frame_ii_cycles``,
        ``latency_cycles``, ``clock_mhz``, ``frames_per_second``, ``latency_us``, ``luts``, ``bram18``, ``mismatches``
        and ``frames``; of our RTL also ``popcount``, ``delivered_popcount``, ``popcount_note`` and ``written`` where
        they are known, and ``stall`` where its streams were made to wait, which leaves no times of it; of the board
        also ``BOARD_TIMES``. ``types``: name to ``low``, ``high``, ``accumulator`` and ``threshold``, of the layers
        that FINN's estimate gives types for.
    """
    folding, rtl, rtlsim, estimate, results = (
        hardware.get(stage) or {} for stage in ("folding", "rtl", "rtlsim", "finn_estimate", "finn_results")
    )
    stall = rtlsim.get("stall")
    if stall:  # what was measured is then the speed of the stalls, not of the design
        rtlsim = {key: value for key, value in rtlsim.items() if key not in ("frame_ii_cycles", "latency_cycles")}
    return {
        "layers": {name: _layer(name, folding, rtlsim, estimate, results) for name in layers},
        "types": {name: types for name in layers if (types := _types((estimate.get("layers") or {}).get(name, {})))},
        "whole": {
            "askew_model": _from_cycles(folding, folding.get("clock_mhz"))
            | {"luts": folding.get("luts"), "bram18": folding.get("bram18")},
            "askew_rtl": _from_cycles(rtlsim, rtl.get("clock_mhz", folding.get("clock_mhz")))
            | _checked(rtlsim)
            | {key: rtlsim[key] for key in ("popcount", "delivered_popcount", "popcount_note") if key in rtlsim}
            | ({"stall": stall} if stall else {})
            | {key: rtl[key] for key in ("written",) if key in rtl},
            "finn_estimate": _from_cycles(estimate, estimate.get("clock_mhz"))
            | _checked(estimate)
            | _placed(estimate.get("resources")),
            "finn_rtlsim": _from_cycles(results.get("rtlsim") or {}, results.get("clock_mhz")),
            "finn_synthesis": _from_cycles({}, None) | _placed((results.get("post_synthesis") or {}).get("resources")),
            "board": _board(results.get("board") or {}),
        },
    }


def _layer(name: str, folding: Figures, rtlsim: Figures, estimate: Figures, results: Figures) -> dict[str, Any]:
    folded, simulated, estimated, placed = (
        (stage.get("layers") or {}).get(name, {})
        for stage in (folding, rtlsim, estimate, results.get("post_synthesis") or {})
    )
    if rtlsim.get("stall"):
        simulated = {"predicted": simulated.get("predicted", {})}
    return {
        "pe": folded.get("pe"),
        "simd": folded.get("simd"),
        "finn_pe": estimated.get("pe"),
        "finn_simd": estimated.get("simd"),
        "cycles": {
            "folds": folded.get("cycles"),
            "askew_model": simulated.get("predicted", {}).get("busy"),
            "askew_rtl": simulated.get("measured", {}).get("busy"),
            "finn_estimate": estimated.get("cycles"),
        },
        "busy_share": simulated.get("busy_share"),
        "luts": {
            "askew_model": folded.get("luts"),
            "finn_estimate": estimated.get("lut"),
            "finn_synthesis": placed.get("lut"),
        },
        "bram18": {
            "askew_model": folded.get("bram18"),
            "finn_estimate": estimated.get("bram18"),
            "finn_synthesis": placed.get("bram18"),
        },
    }


def _types(estimated: Figures) -> dict[str, Any] | None:
    """What FINN's unit counts in, beside what it can count up to; None where it counts nothing."""
    accumulator = estimated.get("accumulator")
    if accumulator is None:
        return None
    return {
        "low": accumulator["low"],
        "high": accumulator["high"],
        "accumulator": accumulator["type"],
        "threshold": (estimated.get("threshold") or {}).get("type"),
    }


def _from_cycles(figures: Figures, clock_mhz: float | None) -> dict[str, Any]:
    """Times at the clock, of the cycles that a stage gives."""
    frame_ii, latency = figures.get("frame_ii_cycles"), figures.get("latency_cycles")
    return {
        "frame_ii_cycles": frame_ii,
        "latency_cycles": latency,
        "clock_mhz": clock_mhz if frame_ii else None,
        "frames_per_second": clock_mhz * 1e6 / frame_ii if clock_mhz and frame_ii else None,
        "latency_us": latency / clock_mhz if clock_mhz and latency else None,
        "luts": None,
        "bram18": None,
        "mismatches": None,
        "frames": None,
    }


def _placed(resources: Figures | None) -> dict[str, Any]:
    return {"luts": resources["lut"], "bram18": resources["bram18"]} if resources else {}


def _checked(figures: Figures) -> dict[str, Any]:
    return {key: figures.get(key) for key in ("mismatches", "frames")}


def _board(board: Figures) -> dict[str, Any]:
    """What `validate.py` measured: its latency has the processor's part in it; the rest tells that part apart."""
    rates = board.get("frames_per_second") or {}
    latency = board.get("latency_seconds")
    return _from_cycles({}, None) | {
        "clock_mhz": board.get("clock_mhz"),
        "frames_per_second": max(rates.values(), default=None),
        "latency_us": latency * 1e6 if latency else None,
        **_checked(board),
        **{key: board[key] for key in BOARD_TIMES if board.get(key) is not None},
    }
