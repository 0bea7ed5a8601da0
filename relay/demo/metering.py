"""What the relay says it carried: its `/metrics`, as Prometheus would scrape them, and its journal's line.

Rule: both are read as an operator's tools read them, through the port and out of the log; that they agree
is part of what is demonstrated.
"""

import asyncio
import http.client
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from relay.core.words import Seconds
from relay.demo.stage import HOST

_PATIENCE: Final[Seconds] = 5.0
"""For the session's line, and for a scrape: both take milliseconds."""
_KEPT: Final = 100
"""Lines of the log that are kept: far more than one conversation writes."""


class MeteringError(Exception):
    """The relay does not tell what it carried; the text says which of its tools is silent."""


class Metered(msgspec.Struct, frozen=True, kw_only=True):
    """What was carried, as one of the relay's tools tells it."""

    audio_up: Seconds
    audio_down: Seconds
    events_up: int
    events_down: int
    bytes_up: int
    bytes_down: int
    tokens: int
    usd: float
    refusals: int


class Journal:
    """Where the relay's log goes: a text stream that keeps the last lines, and hands on what it is told to."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self._news = asyncio.Event()
        self._part = ""
        self.follow: Any = None
        """A stream that gets every line from now on; None for nobody."""

    def write(self, text: str) -> int:
        """Keep *text*; see `io.TextIOBase.write`."""
        *lines, self._part = (self._part + text).split("\n")
        self._lines += lines
        if lines:
            self._news.set()
        if self.follow is not None:
            self.follow.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand on everything at once; see `io.IOBase.flush`."""
        if self.follow is not None:
            self.follow.flush()

    def errors(self) -> list[str]:
        """Return what was logged as an error; a conversation that went well logs none."""
        told = map(msgspec.json.decode, self._lines)
        return [line["event"] for line in told if line.get("level") in {"error", "critical"}]

    async def session(self, session: str) -> Mapping[str, Any]:
        """Return the line of *session*, once it has ended. Raises `MeteringError` where none comes."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    for line in self._lines:
                        told = msgspec.json.decode(line)
                        if told.get("event") == "session ended" and told.get("session") == session:
                            return dict(told)
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise MeteringError(f"The journal has no line of the session {session}.") from None


def of_journal(line: Mapping[str, Any]) -> Metered:
    """Return what a session's line tells."""
    return Metered(
        audio_up=line["audio_seconds_up"],
        audio_down=line["audio_seconds_down"],
        events_up=sum(line["events_up"].values()),
        events_down=sum(line["events_down"].values()),
        bytes_up=line["bytes_up"],
        bytes_down=line["bytes_down"],
        tokens=sum(amount for kind, amount in line["usage"].items() if kind != "seconds"),
        usd=line["cost_usd"],
        refusals=sum(line["refusals"].values()),
    )


async def scraped(port: int) -> Metered:
    """Scrape the ops port. Raises `MeteringError` where it does not answer."""
    try:
        text = await asyncio.to_thread(_get, port)
    except (OSError, http.client.HTTPException) as error:
        raise MeteringError(f"/metrics does not answer: {error}.") from None
    return of_metrics(text)


def of_metrics(text: str) -> Metered:
    """Return what an exposition tells, all tenants and models together."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def total(name: str, **labels: str) -> float:
        return sum((sample.value for sample in _matching(samples, name, labels)), start=0.0)

    return Metered(
        audio_up=total("relay_audio_seconds_total", direction="up"),
        audio_down=total("relay_audio_seconds_total", direction="down"),
        events_up=round(total("relay_events_total", direction="up")),
        events_down=round(total("relay_events_total", direction="down")),
        bytes_up=round(total("relay_bytes_total", direction="up")),
        bytes_down=round(total("relay_bytes_total", direction="down")),
        tokens=round(total("relay_tokens_total")),
        usd=total("relay_cost_usd_total"),
        refusals=round(total("relay_refusals_total")),
    )


def _matching(samples: Iterable[Any], name: str, labels: Mapping[str, str]) -> Iterable[Any]:
    return (sample for sample in samples if sample.name == name and labels.items() <= sample.labels.items())


def _get(port: int) -> str:
    connection = http.client.HTTPConnection(HOST, port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise http.client.HTTPException(f"HTTP {answer.status}")
    return text
