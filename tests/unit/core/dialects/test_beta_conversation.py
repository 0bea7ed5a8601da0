"""Conversations of beta clients with a GA upstream, in both languages, and judged by the types of both.

`beta_conversation.jsonl` holds them, an event a line: in which `session`, `from` whom, in the words of the
`beta` (null where it has none) and in those of `ga`, or in `both` where there is no difference. The upstream's
side was said by the simulator; audio is cut short, and of a run of deltas two are kept.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from relay.core.dialects.beta import Beta
from tests.unit.core.dialects.beta_types import (
    BETA_CLIENT,
    BETA_SERVER,
    GA_CLIENT,
    GA_SERVER,
    judge_beta_server,
    judge_ga_client,
)

Event = dict[str, Any]


class Line(NamedTuple):
    session: str
    from_client: bool
    beta: Event | None
    ga: Event


def recorded() -> Iterator[Line]:
    file = Path(__file__).parent / "beta_conversation.jsonl"
    for text in file.read_text().splitlines():
        line = msgspec.json.decode(text)
        beta, ga = (line["both"],) * 2 if "both" in line else (line["beta"], line["ga"])
        yield Line(line["session"], line["from"] == "client", beta, ga)


LINES = list(recorded())
SESSIONS = list(dict.fromkeys(line.session for line in LINES))
SAID = [line.beta for line in LINES if line.from_client and line.beta is not None]
TOLD = [line.beta for line in LINES if not line.from_client and line.beta is not None]


def types(events: list[Event]) -> set[str]:
    return {event["type"] for event in events}


@pytest.mark.parametrize("session", SESSIONS)
def test_each_side_hears_its_own_language(session: str) -> None:
    beta = Beta(transcription=session == "transcription")
    for line in LINES:
        if line.session != session:
            continue
        said, expected = (line.beta, line.ga) if line.from_client else (line.ga, line.beta)
        assert said is not None
        before = copy.deepcopy(said)
        heard = beta.read(said) if line.from_client else beta.write(said)
        assert heard == expected
        assert (heard is said) == (line.beta == line.ga)
        assert said == before


def test_what_the_clients_said_and_were_told_is_what_the_beta_s_types_say() -> None:
    for event in SAID:
        BETA_CLIENT(event)
    for event in TOLD:
        judge_beta_server(event)


def test_what_the_upstream_was_told_and_said_is_what_the_ga_types_say() -> None:
    for line in LINES:
        judge_ga_client(line.ga) if line.from_client else GA_SERVER(line.ga)


def test_every_event_of_either_language_is_among_them() -> None:
    assert types(SAID) == BETA_CLIENT.types
    assert types(TOLD) == BETA_SERVER.types | {"transcription_session.created"}
    assert types([line.ga for line in LINES if line.from_client]) == GA_CLIENT.types
    assert types([line.ga for line in LINES if not line.from_client]) == GA_SERVER.types


def test_a_delta_that_is_renamed_in_its_head_says_the_same_as_one_that_is_translated() -> None:
    renamed = 0
    for line in LINES:
        other = Beta.renames.get(line.ga["type"].encode())
        if other is not None and not line.from_client:
            assert line.beta == {**line.ga, "type": other.decode()}
            renamed += 1
    assert renamed >= len(Beta.renames)


def test_what_a_client_was_shown_it_may_send_back() -> None:
    of_the_server = {"id", "object", "expires_at"}
    of_ga = {"parallel_tool_calls", "reasoning", "truncation"}
    for line in LINES:
        if line.beta is None or line.beta["type"] not in {"session.created", "session.updated"}:
            continue
        ga = Beta(transcription=False).read({"type": "session.update", "session": line.beta["session"]})
        assert isinstance(ga, dict)
        judge_ga_client(ga)
        expected = copy.deepcopy(line.ga["session"])
        for field in of_the_server | of_ga:
            del expected[field]
        detection = expected["audio"]["input"]["turn_detection"]
        if detection is not None and detection["idle_timeout_ms"] is None:
            del detection["idle_timeout_ms"]
        assert ga["session"] == expected
