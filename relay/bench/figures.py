"""What the samples say: one figure out of several rounds, and ratios. Pure: samples in, figures out.

Of rates and latencies the best round counts, since noise only ever spoils them. Of CPU the cheapest *calm*
round counts: where the load has to wait for its core messages arrive in heaps, and a heap is cheaper to carry.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Final

import msgspec

from relay.bench.measures import Idle, Integrity, Load, Setups, Window
from relay.bench.messages import Direction
from relay.bench.recipes import Kind


class Mode(Enum):
    """The three kinds of traffic."""

    UP = "up"
    DOWN = "down"
    PACED = "paced"


LOOPS: Final = {Mode.UP: Direction.UP, Mode.DOWN: Direction.DOWN}


CALM: Final = 0.05
"""The share of a window that other programs may take of our cores: under it, CPU per message does not move."""

Quantile = Callable[[Load], float | None]
"""Reads one latency off a run: `p50` or `p99`."""


class LoadSample(msgspec.Struct, frozen=True):
    """One run of traffic through one subject."""

    subject: Kind
    mode: Mode
    size: int
    load: Load


class SetupSample(msgspec.Struct, frozen=True):
    """One run of set-ups through one subject."""

    subject: Kind
    setups: Setups


class IdleSample(msgspec.Struct, frozen=True):
    """The idle sessions of one subject."""

    subject: Kind
    idle: Idle


class IntegritySample(msgspec.Struct, frozen=True):
    """One proof of integrity through one subject."""

    subject: Kind
    direction: Direction
    slow: bool
    integrity: Integrity


class Findings(msgspec.Struct, frozen=True):
    """Every sample of a campaign, in the order in which it was taken."""

    loads: tuple[LoadSample, ...] = ()
    setups: tuple[SetupSample, ...] = ()
    idle: tuple[IdleSample, ...] = ()
    integrity: tuple[IntegritySample, ...] = ()

    def cpu_us(self, subject: Kind, mode: Mode, size: int) -> float:
        """Return the subject's CPU for one relayed message, in us; NaN for direct, which has no process."""
        if subject is Kind.DIRECT:
            return math.nan
        return calm_cpu_us([load.window for load in self._loads(subject, mode, size)])

    def loop_cpu_us(self, subject: Kind, size: int) -> float:
        """Return the CPU for one message in a closed loop: up and down, half each."""
        return (self.cpu_us(subject, Mode.UP, size) + self.cpu_us(subject, Mode.DOWN, size)) / 2

    def per_second(self, subject: Kind, mode: Mode, size: int) -> float:
        """Return the highest rate seen, in messages a second."""
        windows = [load.window for load in self._loads(subject, mode, size)]
        return max((window.count / window.seconds for window in windows), default=math.nan)

    def loop_per_second(self, subject: Kind, size: int) -> float:
        """Return the rate of the closed loop: the mean of up and down."""
        up = self.per_second(subject, Mode.UP, size)
        return (up + self.per_second(subject, Mode.DOWN, size)) / 2

    def latency_us(self, subject: Kind, size: int, quantile: Quantile) -> float:
        """Return the lowest *quantile* of the paced runs, in us."""
        return best(quantile(load) for load in self._loads(subject, Mode.PACED, size))

    def added_us(self, subject: Kind, size: int, quantile: Quantile) -> float:
        """Return what *subject* adds to the latency of a direct connection, in us."""
        direct = self.latency_us(Kind.DIRECT, size, quantile)
        return self.latency_us(subject, size, quantile) - direct

    def setup_cpu_us(self, subject: Kind) -> float:
        """Return the subject's CPU for one set-up, in us; NaN for direct."""
        if subject is Kind.DIRECT:
            return math.nan
        return calm_cpu_us([run.setups.window for run in self.setups if run.subject is subject])

    def setups_per_second(self, subject: Kind) -> float:
        """Return the highest rate of set-ups seen."""
        windows = [run.setups.window for run in self.setups if run.subject is subject]
        return max((window.count / window.seconds for window in windows), default=math.nan)

    def idle_bytes(self, subject: Kind) -> float:
        """Return the memory of one idle session; NaN for direct."""
        if subject is Kind.DIRECT:
            return math.nan
        return best(sample.idle.bytes_each for sample in self.idle if sample.subject is subject)

    def disturbed(self) -> float:
        """Return the share of time spent waiting for other programs, in the worst of the calmest rounds."""
        rounds: dict[tuple[Kind, Mode, int], list[float]] = {}
        for run in self.loads:
            rounds.setdefault((run.subject, run.mode, run.size), []).append(run.load.window.disturbed)
        return max((min(shares) for shares in rounds.values()), default=0.0)

    def lost(self, subject: Kind | None = None) -> int:
        """Return how many messages and sessions went wrong; of all subjects, if none is named."""

        def asked(sample: LoadSample | SetupSample | IdleSample | IntegritySample) -> bool:
            return subject is None or sample.subject is subject

        return (
            sum(sample.load.bad for sample in filter(asked, self.loads))
            + sum(sample.setups.failed for sample in filter(asked, self.setups))
            + sum(sample.idle.sessions - sample.idle.alive for sample in filter(asked, self.idle))
            + sum(sample.integrity.sent - sample.integrity.intact for sample in filter(asked, self.integrity))
        )

    def proved(self, subject: Kind) -> int:
        """Return how many messages were compared with what was sent and found equal."""
        runs = [sample.load for sample in self.loads if sample.subject is subject]
        proofs = [sample.integrity for sample in self.integrity if sample.subject is subject]
        return sum(run.arrived - run.bad for run in runs) + sum(proof.intact for proof in proofs)

    def _loads(self, subject: Kind, mode: Mode, size: int) -> list[Load]:
        return [
            sample.load
            for sample in self.loads
            if sample.subject is subject and sample.mode is mode and sample.size == size
        ]


class SizeRow(msgspec.Struct, frozen=True):
    """One subject at one message size. CPU and latency in us; a ratio to an absent subject is NaN."""

    subject: Kind
    size: int
    up_cpu_us: float
    down_cpu_us: float
    paced_cpu_us: float
    cpu_to_haproxy: float
    per_second: float
    rate_to_direct: float
    added_p50_us: float
    added_p99_us: float


class SessionRow(msgspec.Struct, frozen=True):
    """One subject's sessions: setting them up, keeping them, and what was lost on the way."""

    subject: Kind
    setups_per_second: float
    setup_cpu_us: float
    idle_sessions: int
    idle_bytes: float
    proved: int
    lost: int


def size_rows(findings: Findings, subjects: Sequence[Kind], sizes: Sequence[int]) -> list[SizeRow]:
    """Return a row for each size and subject."""
    return [
        SizeRow(
            subject=subject,
            size=size,
            up_cpu_us=findings.cpu_us(subject, Mode.UP, size),
            down_cpu_us=findings.cpu_us(subject, Mode.DOWN, size),
            paced_cpu_us=findings.cpu_us(subject, Mode.PACED, size),
            cpu_to_haproxy=findings.loop_cpu_us(subject, size) / findings.loop_cpu_us(Kind.HAPROXY, size),
            per_second=findings.loop_per_second(subject, size),
            rate_to_direct=findings.loop_per_second(subject, size)
            / findings.loop_per_second(Kind.DIRECT, size),
            added_p50_us=findings.added_us(subject, size, p50),
            added_p99_us=findings.added_us(subject, size, p99),
        )
        for size in sizes
        for subject in subjects
    ]


def session_rows(findings: Findings, subjects: Sequence[Kind]) -> list[SessionRow]:
    """Return a row for each subject."""
    return [
        SessionRow(
            subject=subject,
            setups_per_second=findings.setups_per_second(subject),
            setup_cpu_us=findings.setup_cpu_us(subject),
            idle_sessions=max(
                (held.idle.alive for held in findings.idle if held.subject is subject), default=0
            ),
            idle_bytes=findings.idle_bytes(subject),
            proved=findings.proved(subject),
            lost=findings.lost(subject),
        )
        for subject in subjects
    ]


def p50(load: Load) -> float | None:
    """Return the median latency of a run, in us."""
    return load.p50_us


def p99(load: Load) -> float | None:
    """Return the latency that one message in a hundred exceeds, in us."""
    return load.p99_us


def calm_cpu_us(windows: Sequence[Window]) -> float:
    """Return the CPU of the cheapest calm window, or of the calmest if none is calm; NaN if there is none."""
    if not windows:
        return math.nan
    calm = [window for window in windows if window.disturbed <= CALM]
    return best(window.cpu_us for window in calm or [min(windows, key=lambda window: window.disturbed)])


def best(values: Iterable[float | None]) -> float:
    """Return the least of *values*; NaN if there is none."""
    return min((value for value in values if value is not None and not math.isnan(value)), default=math.nan)
