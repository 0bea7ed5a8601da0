import base64

import pytest

from relay.simulator.audio import Encoding, tone
from relay.simulator.settings import SimulatorSettings
from tests.unit.simulator.talk import Event, Talk, error, only, types

SPEECH = tone(600, Encoding.PCM)


@pytest.fixture
def talk() -> Talk:
    talk = Talk()
    talk.hear(turn_detection=None)
    return talk


def create(talk: Talk, item: Event, **fields: object) -> list[Event]:
    return talk.send("conversation.item.create", item=item, **fields)


def message(role: str, *content: Event, **fields: str) -> Event:
    return {"type": "message", "role": role, "content": list(content), **fields}


HELLO = {"type": "input_text", "text": "hello"}


def test_items_stand_where_they_were_put(talk: Talk) -> None:
    first = talk.say("first")
    last = talk.say("last")
    [added, _] = create(talk, message("user", HELLO), previous_item_id=first["id"])
    assert added["previous_item_id"] == first["id"]
    [front, _] = create(talk, message("user", HELLO), previous_item_id="root")
    assert front["previous_item_id"] is None
    [end, _] = create(talk, message("user", HELLO))
    assert end["previous_item_id"] == last["id"]


def test_a_client_may_name_its_items_but_not_twice(talk: Talk) -> None:
    named = message("user", HELLO, id="mine")
    assert only(create(talk, named), "conversation.item.added")["item"]["id"] == "mine"
    assert error(create(talk, named))["code"] == "item_create_duplicate_item_id"


def test_an_unknown_neighbour_is_refused(talk: Talk) -> None:
    refused = error(create(talk, message("user", HELLO), previous_item_id="nobody"))
    assert refused["param"] == "previous_item_id"


@pytest.mark.parametrize("verb", ["retrieve", "delete"])
def test_an_unknown_item_is_refused_by_the_name_of_what_was_tried(talk: Talk, verb: str) -> None:
    refused = error(talk.send(f"conversation.item.{verb}", item_id="nobody"))
    assert refused["code"] == f"item_{verb}_invalid_item_id"


def test_a_deleted_item_is_gone(talk: Talk) -> None:
    item = talk.say("forget me")
    deleted = talk.send("conversation.item.delete", item_id=item["id"])
    assert types(deleted) == ["conversation.item.deleted"]
    events = talk.respond(output_modalities=["text"])
    assert "forget" not in only(events, "response.output_text.done")["text"]


def test_an_answer_is_cut_to_what_was_heard(talk: Talk) -> None:
    answer = only(talk.respond(), "response.done")["response"]["output"][0]
    cut = {"item_id": answer["id"], "content_index": 0, "audio_end_ms": 200}
    truncated = only(talk.send("conversation.item.truncate", **cut), "conversation.item.truncated")
    assert {name: truncated[name] for name in cut} == cut
    found = talk.send("conversation.item.retrieve", item_id=answer["id"])
    [part] = only(found, "conversation.item.retrieved")["item"]["content"]
    assert base64.b64decode(part["audio"]) == tone(600, Encoding.PCM)[: 200 * 48]
    assert "transcript" not in part


def test_what_was_not_heard_cannot_be_cut(talk: Talk) -> None:
    answer = only(talk.respond(), "response.done")["response"]["output"][0]
    said = talk.say("hello")
    for fields, code in [
        ({"item_id": answer["id"], "content_index": 0, "audio_end_ms": 601}, "invalid_value"),
        ({"item_id": answer["id"], "content_index": 1, "audio_end_ms": 1}, "invalid_value"),
        (
            {"item_id": said["id"], "content_index": 0, "audio_end_ms": 1},
            "item_truncate_invalid_item_id",
        ),
        (
            {"item_id": "nobody", "content_index": 0, "audio_end_ms": 1},
            "item_truncate_invalid_item_id",
        ),
    ]:
        assert error(talk.send("conversation.item.truncate", **fields))["code"] == code


def test_audio_can_be_put_in_as_an_item_and_comes_back(talk: Talk) -> None:
    encoded = base64.b64encode(SPEECH).decode()
    part = {"type": "input_audio", "audio": encoded, "transcript": "good day"}
    [added, _] = create(talk, message("user", part))
    assert added["item"]["content"] == [{"type": "input_audio", "transcript": "good day"}]
    events = talk.respond(output_modalities=["text"])
    assert only(events, "response.output_text.done")["text"] == "You said: good day"


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        (
            message("assistant", {"type": "output_audio"}),
            "missing_required_parameter",
            "item.content[0].text",
        ),
        (message("assistant", HELLO), "invalid_value", "item.content[0].type"),
        (message("system", {"type": "output_text", "text": ""}), "invalid_value", "item.content[0].type"),
        (
            message("user", {"type": "input_audio", "audio": "?"}),
            "invalid_value",
            "item.content[0].audio",
        ),
        (
            message("user", {"type": "input_image", "image_url": "https://x.example/"}),
            "invalid_value",
            "item.content[0].image_url",
        ),
        (message("user"), "array_below_min_length", "item.content"),
        (message("user", HELLO, id="x" * 33), "string_above_max_length", "item.id"),
        (
            {"type": "function_call_output", "call_id": "call_none", "output": ""},
            "invalid_tool_call_id",
            "item.call_id",
        ),
        ({"type": "mcp_call", "server_label": "x"}, "invalid_value", "item.type"),
    ],
)
def test_items_that_cannot_be_are_refused(talk: Talk, item: Event, code: str, param: str) -> None:
    refused = error(create(talk, item))
    assert (refused["code"], refused["param"]) == (code, param)


def test_a_call_put_in_by_the_client_can_be_answered(talk: Talk) -> None:
    call = {"type": "function_call", "name": "clock", "call_id": "call_1", "arguments": "{}"}
    create(talk, call)
    create(talk, {"type": "function_call_output", "call_id": "call_1", "output": "noon"})
    events = talk.respond(output_modalities=["text"])
    assert only(events, "response.output_text.done")["text"] == "clock answered: noon"


def test_old_audio_is_given_up_before_memory_is() -> None:
    talk = Talk(SimulatorSettings.instant(kept_audio_bytes=len(SPEECH) * 2))
    talk.hear(turn_detection=None)
    items = []
    for _ in range(3):
        talk.append(SPEECH)
        items.append(talk.send("input_audio_buffer.commit")[0]["item_id"])
    kept = [
        "audio"
        in only(talk.send("conversation.item.retrieve", item_id=item_id), "conversation.item.retrieved")[
            "item"
        ]["content"][0]
        for item_id in items
    ]
    assert kept == [False, True, True]
