"""What a relay and its simulator hold at this moment, and a plan that holds nobody back."""

import os
from pathlib import Path
from typing import Final

from relay.server import Relay
from relay.simulator.server import Simulator

MIB: Final = 1024 * 1024
UNLIMITED: Final = {
    "chunk_bytes": "unlimited",
    "audio_seconds_per_second": "unlimited",
    "bytes_per_second": "unlimited",
    "concurrent_sessions": "unlimited",
    "session_starts_per_minute": "unlimited",
}


def upstreams_open(sim: Simulator) -> int:
    return sum(record.shown()["open"] for record in sim.sessions)


def ended(relay: Relay, reason: str, first: str) -> float | None:
    """Return `relay_sessions_ended_total` of these labels."""
    labels = {"reason": reason, "first": first}
    return relay.metrics.registry.get_sample_value("relay_sessions_ended_total", labels)


def resident() -> int:
    """Return the bytes of memory that this process has in RAM."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
