"""Events that hold what a policy forbids, hidden in every way, and every way of writing them."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st

from relay.core.assembly import BINARY, CONTINUATION, TEXT, Assembly

MARK, NUMBER, MOST_TOOLS = "verboten", 770_077, 3

# --- what is hidden -------------------------------------------------------------------------------

LOOK_UP = {"type": "function", "name": "look_up"}
SETTINGS: list[dict[str, Any]] = [
    {"instructions": MARK},
    {"instructions": None},
    {"instructions": [MARK]},
    {"prompt": {"id": MARK}},
    {"voice": MARK},
    {"voice": [MARK]},
    {"voice": {"id": MARK}},
    {"voice": {"id": "alloy", "name": MARK}},
    {"audio": {"output": {"voice": MARK}}},
    {"audio": [{"output": {"voice": MARK}}]},
    {"audio": {"output": {"speed": NUMBER}}},
    {"audio": {"input": {"turn_detection": None}}},
    {"audio": {"input": {"transcription": {"model": MARK}}}},
    {"audio": {"input": {"transcription": {"language": MARK}}}},
    {"input_audio_transcription": {"model": [MARK]}},
    {"turn_detection": {"type": MARK}},
    {"speed": None},
    {"tools": [{"type": "mcp", "server_url": MARK}]},
    {"tools": [LOOK_UP, {"type": "function", "name": MARK}]},
    {"tools": [{"type": "Function", "name": MARK}]},
    {"tools": [{"type": "function", "function": {"name": MARK}}]},
    {"tools": [{**LOOK_UP, "function": {"name": MARK}}]},
    {"tools": [{"type": "function", "name": {"look_up": MARK}}]},
    {"tools": {"type": "function", "name": MARK}},
    {"tools": [LOOK_UP] * (MOST_TOOLS + 1)},
    {"tool_choice": {"type": "mcp", "server_label": MARK}},
    {"tool_choice": {"type": "function", "name": MARK}},
    {"tool_choice": MARK},
    {"modalities": ["text", "audio"]},
    {"output_modalities": ["text"]},
    {"output_modalities": {"text": MARK}},
    {"max_output_tokens": NUMBER},
    {"max_output_tokens": "inf"},
    {"max_output_tokens": str(NUMBER)},
    {"max_response_output_tokens": NUMBER + 0.5},
    {"tracing": "auto"},
    {"tracing": {"workflow_name": MARK}},
    {"model": MARK},
    {"model": [MARK]},
    {"input": [{"type": "message", "role": "user"}, {"type": "message", "role": "system", "content": []}]},
    {"input": [{"type": "mcp_approval_response", "approve": True}]},
    {"input": {"type": "mcp_call", "name": MARK}},
]
ITEMS: list[dict[str, Any]] = [
    {"type": "message", "role": "system", "content": [{"type": "input_text", "text": MARK}]},
    {"type": "message", "role": "System", "content": MARK},
    {"type": "message", "role": ["system"], "content": MARK},
    {"type": "mcp_call", "arguments": MARK},
    {"type": "MCP_approval_response", "approve": MARK},
]
STRANGE_ITEMS: list[dict[str, Any]] = [
    {"type": "message", "content": MARK},
    {"content": [{"type": "input_text", "text": MARK}]},
    {"type": "web_search_call", "query": MARK},
    {"type": ["mcp_call"], "arguments": MARK},
]
"""Items by nothing but the place where they stand."""
HARMLESS: list[dict[str, Any]] = [
    {},
    {"max_output_tokens": 7, "voice": "alloy"},
    {"audio": {"output": {"format": {"type": "audio/pcmu"}}}, "tools": [LOOK_UP]},
    {"tracing": None, "x": [1.5, True, "é\n"], "event_id": "e"},
    {"audio": None, "tool_choice": "auto", "output_modalities": ["audio"]},
]
EVENTS = [
    "session.update",
    "transcription_session.update",
    "response.create",
    "conversation.item.create",
    "input_audio_buffer.append",
    "Session.Update",
    "new.event",
]
WRAPPERS = ["x", "session", "response", "audio", "config", "input", "items", "[]"]


class Hidden(NamedTuple):
    """An event that holds what it may not."""

    event: dict[str, Any]
    seed: int
    """Of how it is written."""


def wrapped(held: Any, wrapper: str) -> dict[str, Any]:
    return {"list": [held]} if wrapper == "[]" else {wrapper: held}


def plainly_hidden(held: dict[str, Any]) -> Iterator[Hidden]:
    """Put *held* where the protocol has it, and into every event."""
    for seed, name in enumerate(EVENTS):
        if held in SETTINGS:
            yield Hidden({"type": name, "session": held}, seed)
            yield Hidden({"type": name, "response": held}, seed)
            yield Hidden({**held, "type": name}, seed)
        else:
            yield Hidden({"type": name, "item": held}, seed)
            yield Hidden(
                {"type": name, "response": {"input": [{"type": "message", "role": "user"}, held]}}, seed
            )


@st.composite
def hiding(draw: st.DrawFn) -> Hidden:
    item = draw(st.integers(0, 5)) == 0
    held = draw(st.sampled_from(ITEMS if item else SETTINGS))
    held = {**draw(st.sampled_from(HARMLESS)), **held}
    for wrapper in draw(st.lists(st.sampled_from(WRAPPERS), max_size=2)):
        held = wrapped(held, wrapper)
    event: dict[str, Any] = {"type": draw(st.sampled_from(EVENTS))}
    if event["type"] == "input_audio_buffer.append":
        event["audio"] = "QUJD"
    place = "item" if item else draw(st.sampled_from(["session", "response", ""]))
    event = {**held, **event} if not place else {**event, place: held}
    return Hidden(event, draw(st.integers(0, 2**32)))


# --- how it is written ----------------------------------------------------------------------------

GAPS = ["", "", "", " ", "\n\t", " " * 1100]
DECOYS = ["null", '""', "{}", "[]", '"alloy"', '"gpt-x"', "7", '"input_audio_buffer.append"']


def letters(key: str, how: Random) -> str:
    if how.random() > 0.1:
        return key
    return how.choice([key.upper(), key.title(), key.replace("s", "\N{LATIN SMALL LETTER LONG S}", 1)])


def text(said: str, how: Random) -> str:
    escaped = how.randrange(-1, max(1, len(said)))
    marks = (f"\\u{ord(mark):04x}" if at == escaped else json.dumps(mark)[1:-1] for at, mark in enumerate(said))
    return '"' + "".join(marks) + '"'


def written(value: Any, how: Random, *, cased: bool) -> str:
    """Write JSON as a client might who wants it to be read in two ways."""
    if isinstance(value, list):
        return "[" + ",".join(written(inner, how, cased=cased) for inner in value) + how.choice(GAPS) + "]"
    if not isinstance(value, dict):
        return text(value, how) if isinstance(value, str) else json.dumps(value)
    pairs = [
        (letters(key, how) if cased else key, written(inner, how, cased=cased)) for key, inner in value.items()
    ]
    how.shuffle(pairs)
    if pairs and how.random() < 0.1:
        pairs.insert(how.randrange(len(pairs) + 1), (how.choice(pairs)[0], how.choice(DECOYS)))
    return "{" + ",".join(f"{how.choice(GAPS)}{text(key, how)}:{said}" for key, said in pairs) + "}"


def frames(hidden: Hidden) -> Iterator[tuple[bytes, bool]]:
    """Write *hidden* in every way: message as it left its frames, whether it is text."""
    how = Random(hidden.seed)
    plain = json.dumps(hidden.event).encode()
    odd = [written(hidden.event, how, cased=bool(at % 2)).encode() for at in range(6)]
    yield plain, True
    yield from ((one, True) for one in odd)
    yield odd[0], False
    yield b"\xef\xbb\xbf" + plain, True
    yield b"[" + plain + b"," + odd[1] + b"]", True
    yield b'{"type":"input_audio_buffer.append","audio":"QUJD"}' + how.choice([b"", b"\n", b","]) + plain, True
    yield plain + how.choice([b" ", b"}", b"\x00"]), True
    for opcode in (TEXT, BINARY):
        yield in_fragments(odd[2], opcode, how), opcode == TEXT


def in_fragments(data: bytes, opcode: int, how: Random) -> bytes:
    assembly, cuts = Assembly(1e6), sorted(how.choices(range(len(data)), k=4))
    parts = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    whole: object = None
    for at, part in enumerate(parts):
        kind = opcode if at == 0 else CONTINUATION
        whole = assembly.data(kind, memoryview(part), at == len(parts) - 1)
    assert isinstance(whole, memoryview)
    assert assembly.opcode == opcode
    return bytes(whole)
