"""The goals: what the relay may cost, held against what was measured.

A goal is a ratio or an absolute figure with a reason; one that was not measured says so and passes nothing.
"""

import math
from collections.abc import Sequence
from enum import Enum
from typing import Final

import msgspec

from relay.bench.figures import LOOPS, Findings, p50, p99
from relay.bench.recipes import VARIANTS, Kind


class Verdict(Enum):
    """Whether a goal is held."""

    HELD = "PASS"
    MISSED = "miss"
    UNKNOWN = "not measured"


class Goal(msgspec.Struct, frozen=True):
    """A figure of the relay, the most it may be, and whether it is."""

    name: str
    unit: str
    measured: float
    limit: float
    verdict: Verdict


def held(name: str, unit: str, measured: float, limit: float) -> Goal:
    """Hold a figure to its limit; the limit itself is still allowed."""
    if math.isnan(measured):
        return Goal(name, unit, measured, limit, Verdict.UNKNOWN)
    verdict = Verdict.HELD if measured <= limit else Verdict.MISSED
    return Goal(name, unit, measured, limit, verdict)


CPU_RATIO: Final = ((4 << 10, 1.5), (32 << 10, 1.3))
"""CPU per message against HAProxy's blind tunnel, for messages up to so many bytes: copying evens them out."""

ADDED_P50_US: Final = 60.0
ADDED_P99_US: Final = 250.0
"""Over a direct connection at 2,000 messages a second: a hundredth of what a listener would notice."""

BETA_RATIO: Final = 1.2
"""CPU of a message to or from a beta client against a GA client's, in the same process: a name is changed in
the head of the frame, and nothing is read."""
STRICT_RATIO: Final = 1.1
"""The same for a tenant that is restricted in all there is: audio is put to no policy, so more is noise."""
RATIO_FROM: Final = 4 << 10
"""Bytes of the smallest message that is held to these two: one of 64 ms of speech. Shorter ones are control."""

SETUP_CPU_US: Final = 2_000.0
"""So that one core takes 500 new sessions a second."""

IDLE_BYTES: Final = 35 * 1024
"""So that 10,000 callers on hold are no more than 350 MB."""


def goals(findings: Findings, sizes: Sequence[int]) -> list[Goal]:
    """Return what the relay is held to, with what was measured of it."""
    rows = []
    for size in sizes:
        limit = next((ratio for bound, ratio in CPU_RATIO if size <= bound), CPU_RATIO[-1][1])
        ratio = findings.loop_cpu_us(Kind.RELAY, size) / findings.loop_cpu_us(Kind.HAPROXY, size)
        rows.append(held(f"CPU per message, {size:,} B, to HAProxy", "x", ratio, limit))
    for kind, limit in ((Kind.BETA, BETA_RATIO), (Kind.STRICT, STRICT_RATIO)):
        if any(sample.subject is kind for sample in findings.loads):
            rows += _to_plain(findings, kind, [size for size in sizes if size >= RATIO_FROM], limit)
    for size in sizes:
        for name, quantile, limit in (("p50", p50, ADDED_P50_US), ("p99", p99, ADDED_P99_US)):
            added = findings.added_us(Kind.RELAY, size, quantile)
            rows.append(held(f"latency added, {name}, {size:,} B", "us", added, limit))
    rows.append(held("CPU per set-up", "us", findings.setup_cpu_us(Kind.RELAY), SETUP_CPU_US))
    rows.append(
        held("memory per idle session", "KB", findings.idle_bytes(Kind.RELAY) / 1024, IDLE_BYTES / 1024)
    )
    if any(sample.subject is Kind.RELAY for sample in findings.loads):
        lost = sum(findings.lost(kind) for kind in (Kind.RELAY, *VARIANTS))
        rows.append(held("messages and sessions lost", "", lost, 0))
    return rows


def _to_plain(findings: Findings, kind: Kind, sizes: Sequence[int], limit: float) -> list[Goal]:
    """Hold a variant's CPU to that of the relay's plain sessions, each way."""
    rows = []
    for size in sizes:
        for mode in LOOPS:
            ratio = findings.cpu_us(kind, mode, size) / findings.cpu_us(Kind.RELAY, mode, size)
            rows.append(held(f"CPU, {kind.value}, {mode.value}, {size:,} B, to plain", "x", ratio, limit))
    return rows
