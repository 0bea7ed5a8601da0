"""A campaign: which subjects, which measures, in which order.

Rounds are interleaved, subject beside subject for the same measure, so that a noisy minute is shared by
all. Idle memory comes first, on a process that has carried next to nothing: later it would hide in what
the traffic left.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import msgspec

from relay.bench import machine
from relay.bench.figures import (
    CALM,
    LOOPS,
    Findings,
    IdleSample,
    IntegritySample,
    LoadSample,
    Mode,
    SetupSample,
)
from relay.bench.legs import Ends, Pair, hang_up
from relay.bench.measures import closed_loop, idle, integrity, misheard, paced, setups
from relay.bench.messages import Direction
from relay.bench.recipes import VARIANTS, Kind
from relay.bench.subjects import Subject, SubjectError, started

PACED_SESSIONS: Final = 100
"""Over how many sessions the paced flow is spread: most of them quiet at any moment, as callers are."""

SPARE_DESCRIPTORS: Final = 500
"""Files that are no sessions: libraries, logs, listeners, and the sessions of the traffic."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a campaign. Sizes in bytes; seconds of one window. With a variant goes the relay."""

    subjects: tuple[Kind, ...]
    sizes: tuple[int, ...]
    sessions: int
    seconds: float
    rounds: int
    idle: int

    @property
    def steps(self) -> int:
        """How many measures that makes."""
        once = len(Direction) * 2
        each_round = len(self.sizes) * len(Mode) + 1
        started = sum(kind not in VARIANTS for kind in self.subjects)
        return started + len(self.subjects) * (once + self.rounds * each_round)


class PlanError(Exception):
    """The machine cannot carry the plan out; the text says what it lacks."""


Told = Callable[[str], None]
"""Is told of every measure before it begins, in words."""


async def run(plan: Plan, told: Told) -> Findings:
    """Carry *plan* out.

    Raises PlanError if the machine has no room for it, SubjectError if a subject does not start, lets go of a
    session or hands on another message than it should.
    """
    descriptors = machine.raise_descriptors()
    if 2 * plan.idle + SPARE_DESCRIPTORS > descriptors:
        raise PlanError(
            f"{plan.idle:,} idle sessions take {2 * plan.idle + SPARE_DESCRIPTORS:,} descriptors in a process, "
            f"and the system allows {descriptors:,}: raise `ulimit -Hn`, or lower --idle"
        )
    where = machine.cores()
    findings = Findings()
    with machine.pinned(where.load):
        async with Ends().listening() as ends, AsyncExitStack() as stack:
            subjects = []
            for kind in (kind for kind in plan.subjects if kind not in VARIANTS):
                told(f"{kind.value}: start, {plan.idle:,} idle sessions")
                running = started(kind, ends, core=where.subject, descriptors=descriptors)
                subject = await stack.enter_async_context(running)
                variants = [it for it in plan.subjects if it in VARIANTS] if kind is Kind.RELAY else []
                subjects += [subject, *map(subject.variant, variants)]
                sample = await _idle(subject, plan.idle)
                findings = msgspec.structs.replace(findings, idle=(*findings.idle, sample))
            findings = await _integrity(subjects, findings, told)
            findings = await _rounds(plan, subjects, findings, told)
    return findings


async def _idle(subject: Subject, count: int) -> IdleSample:
    try:
        return IdleSample(subject.kind, await idle(subject.dial, count, memory=subject.rss_bytes))
    except (OSError, TimeoutError) as refused:
        raise SubjectError(subject.kind, f"did not take {count:,} sessions: {refused}") from refused


async def _integrity(subjects: Sequence[Subject], findings: Findings, told: Told) -> Findings:
    samples = []
    for direction in Direction:
        for slow in (False, True):
            for subject in subjects:
                reader = "slow" if slow else "fast"
                told(f"{subject.kind.value}: integrity, {direction.value}, {reader} reader")
                async with _pairs(subject, 1) as pairs:
                    if wrong := await misheard(pairs[0]):
                        raise SubjectError(subject.kind, wrong)
                    seen = await integrity(pairs[0], direction, slow=slow)
                samples.append(IntegritySample(subject.kind, direction, slow, seen))
    return msgspec.structs.replace(findings, integrity=tuple(samples))


async def _rounds(plan: Plan, subjects: Sequence[Subject], findings: Findings, told: Told) -> Findings:
    loads: list[LoadSample] = []
    churn: list[SetupSample] = []
    async with AsyncExitStack() as stack:
        count = max(plan.sessions, PACED_SESSIONS)
        held = {subject.kind: await stack.enter_async_context(_pairs(subject, count)) for subject in subjects}
        for number in range(1, plan.rounds + 1):
            for size in plan.sizes:
                for mode in Mode:
                    for subject in subjects:
                        told(f"{subject.kind.value}: {size:,} B {mode.value}, round {number}")
                        pairs = held[subject.kind]
                        sample = await _traffic(plan, subject, pairs, mode, size)
                        loads.append(sample)
                        if sample.load.window.disturbed > CALM:
                            # Others come and go: look once more, since this look may be no figure.
                            loads.append(await _traffic(plan, subject, pairs, mode, size))
            for subject in subjects:
                told(f"{subject.kind.value}: set-ups, round {number}")
                run = await setups(subject.dial, seconds=plan.seconds, clock=subject.spent)
                churn.append(SetupSample(subject.kind, run))
    return msgspec.structs.replace(findings, loads=tuple(loads), setups=tuple(churn))


async def _traffic(plan: Plan, subject: Subject, pairs: Sequence[Pair], mode: Mode, size: int) -> LoadSample:
    if mode is Mode.PACED:
        load = await paced(pairs[:PACED_SESSIONS], size, seconds=2 * plan.seconds, clock=subject.spent)
    else:
        load = await closed_loop(
            pairs[: plan.sessions],
            LOOPS[mode],
            size,
            seconds=plan.seconds,
            clock=subject.spent,
        )
    for pair in pairs:
        if not pair.alive:
            raise SubjectError(
                subject.kind,
                f"let go of a session during {size:,} B {mode.value}: "
                f"the client saw {pair.client.farewell}, the upstream {pair.upstream.farewell}",
            )
    return LoadSample(subject.kind, mode, size, load)


@asynccontextmanager
async def _pairs(subject: Subject, count: int) -> AsyncIterator[list[Pair]]:
    """Hold *count* sessions through *subject* for a while."""
    pairs: list[Pair] = []
    try:
        try:
            while len(pairs) < count:
                pairs.append(await subject.pair())
        except (OSError, TimeoutError) as refused:
            raise SubjectError(subject.kind, f"refused a session: {refused}") from refused
        yield pairs
    finally:
        if pairs:
            await hang_up([pair.client for pair in pairs])
