"""Ten minutes of churn and faults against a relay of its own; what it took must come back.

    python tests/bench/soak.py [--minutes 10] [--talkers 40]

Talkers connect, speak, ask for answers, and leave well or badly; the simulator is given a fault every ten
seconds. At the end memory must have grown by no more than `GROWTH` since the third part of the run, and
descriptors, tasks, sessions and connections must be back where they began. Exits 1 otherwise.
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import random
import sys
from pathlib import Path

import structlog
import uvloop
from rich.console import Console
from rich.progress import Progress
from websockets.exceptions import ConnectionClosed, InvalidHandshake

sys.path.insert(0, str(Path(__file__).parents[2]))

from relay.simulator.server import Simulator
from relay.simulator.settings import SimulatorSettings
from tests.kit.relays import relay_to
from tests.kit.wire import append, knock, say

GROWTH = 1.05
"""The interpreter's own arenas settle within five per cent on this kind of run."""
FAULTS = (
    "drop:rst@3",
    "drop:fin@2",
    "close:1011@2",
    "refuse:503",
    "reject:rate_limit_exceeded",
    "mangle:frame@3",
)
PLAN = {
    "concurrent_sessions": "unlimited",
    "session_starts_per_minute": "unlimited",
    "responses_per_minute": "unlimited",
}
LEAST_MINUTES = 0.1


def resident() -> int:
    """Return this process's memory, in KiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def descriptors() -> int:
    """Return how many descriptors are open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def talk(relay: object, key: str, dice: random.Random) -> None:
    """Hold one short session, and end it in one of several ways."""
    gone = (ConnectionClosed, InvalidHandshake, OSError, TimeoutError)
    with contextlib.suppress(*gone):
        async with knock(relay, key) as client:  # type: ignore[arg-type]
            for _ in range(dice.randrange(1, 20)):
                await client.send(append(dice.randbytes(4800)))
            await say(client, type="response.create", response={"output_modalities": ["text"]})
            async with asyncio.timeout(2):
                while dice.random() < 0.97:
                    await client.recv()
            if dice.random() < 0.3:
                client.transport.abort()


async def main(minutes: float, talkers: int, console: Console) -> int:
    """Run, and return the exit code."""
    settled = SimulatorSettings.instant(kept_sessions=100, kept_messages=1, kept_events=10)
    async with Simulator(settled).running() as sim, relay_to(sim.url, plan=PLAN) as (relay, key):
        loop = asyncio.get_running_loop()
        fds, tasks = descriptors(), len(asyncio.all_tasks())
        started, ends = loop.time(), loop.time() + minutes * 60
        held, count = 0, 0

        async def talker(number: int) -> None:
            nonlocal count
            dice = random.Random(number)
            while loop.time() < ends:
                await talk(relay, key, dice)
                count += 1

        running = [asyncio.create_task(talker(number)) for number in range(talkers)]
        with Progress(console=console) as progress:
            bar = progress.add_task("talking", total=minutes * 60)
            fault = 0
            while loop.time() < ends:
                await asyncio.sleep(1)
                elapsed = loop.time() - started
                if elapsed // 10 > fault:
                    sim.faults.add(FAULTS[fault % len(FAULTS)], sessions=3)
                    fault += 1
                if not held and elapsed > minutes * 20:
                    gc.collect()
                    held = resident()
                progress.update(bar, completed=elapsed, description=f"{count} sessions")
        await asyncio.gather(*running)
        async with asyncio.timeout(15):
            while len(relay.sessions) or relay.connections.open or descriptors() > fds:  # noqa: ASYNC110 - looks at the system
                await asyncio.sleep(0.1)
        gc.collect()
        grown = resident() / held
        left = len(asyncio.all_tasks()) - tasks
        console.print(f"{count} sessions; memory {grown:.3f} of what it was; {left} tasks, 0 descriptors left")
        return 0 if grown <= GROWTH and left <= 0 else 1


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--talkers", type=int, default=40)
    chosen = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    sys.exit(uvloop.run(main(max(LEAST_MINUTES, chosen.minutes), chosen.talkers, Console())))
