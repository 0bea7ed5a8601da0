import jsonschema
import msgspec
import pytest

from relay.simulator.audio import Encoding, tone, transcode
from relay.simulator.settings import SimulatorSettings, Span
from tests.unit.simulator.talk import Event, Talk, all_of, audio_of, error, only, types

SPEECH = tone(600, Encoding.PCM)
SLOW = SimulatorSettings.instant(
    first_token_seconds=Span(0.2, 0.2), first_audio_seconds=Span(0.3, 0.3), audio_pace=2
)
WEATHER: Event = {
    "type": "function",
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
        "required": ["city"],
    },
}
CLOCK: Event = {"type": "function", "name": "clock"}


@pytest.fixture
def talk() -> Talk:
    talk = Talk()
    talk.hear(turn_detection=None)
    return talk


def done(events: list[Event]) -> Event:
    response: Event = only(events, "response.done")["response"]
    return response


def spoken(talk: Talk, audio: bytes = SPEECH) -> None:
    talk.append(audio)
    talk.send("input_audio_buffer.commit")


def test_the_answer_is_the_callers_own_audio_byte_for_byte(talk: Talk) -> None:
    spoken(talk)
    assert audio_of(talk.respond()) == SPEECH


@pytest.mark.parametrize("encoding", [Encoding.PCMU, Encoding.PCMA])
def test_the_answer_is_given_in_the_output_format(talk: Talk, encoding: Encoding) -> None:
    talk.update(audio={"output": {"format": encoding.declared()}})
    spoken(talk)
    assert audio_of(talk.respond()) == transcode(SPEECH, Encoding.PCM, encoding)


def test_where_nobody_spoke_the_answer_is_a_tone(talk: Talk) -> None:
    talk.say("hello")
    assert audio_of(talk.respond()) == tone(600, Encoding.PCM)


def test_a_text_answer_names_what_was_said(talk: Talk) -> None:
    talk.say("good morning")
    events = talk.respond(output_modalities=["text"])
    assert only(events, "response.output_text.done")["text"] == "You said: good morning"
    assert done(events)["output"][0]["content"] == [{"type": "output_text", "text": "You said: good morning"}]


def test_the_deltas_join_to_the_transcript(talk: Talk) -> None:
    spoken(talk)
    events = talk.respond()
    joined = "".join(event["delta"] for event in all_of(events, "response.output_audio_transcript.delta"))
    assert joined == only(events, "response.output_audio_transcript.done")["transcript"]


def test_first_token_and_first_audio_take_their_time() -> None:
    talk = Talk(SLOW)
    assert types(talk.respond()) == ["response.created"]
    assert talk.wait(0.19) == []
    assert "response.output_audio_transcript.delta" in types(talk.wait(0.02))
    assert audio_of(talk.wait(0.08)) == b""
    # 600 ms of tone in deltas of 200 ms, at twice the pace of playing.
    assert len(audio_of(talk.wait(0.02))) == 9_600
    assert len(audio_of(talk.wait(0.1))) == 9_600
    assert done(talk.wait(0.2))["status"] == "completed"


def test_a_second_response_is_refused_while_one_runs() -> None:
    talk = Talk(SLOW)
    [created] = talk.respond()
    refused = error(talk.respond())
    assert refused["code"] == "conversation_already_has_active_response"
    assert created["response"]["id"] in refused["message"]


def test_responses_outside_the_conversation_run_beside_it() -> None:
    talk = Talk(SLOW)
    talk.respond()
    talk.respond(conversation="none", output_modalities=["text"], metadata={"topic": "aside"})
    events = talk.wait(2)
    answers = [event["response"] for event in all_of(events, "response.done")]
    assert [answer["metadata"] for answer in answers] == [{"topic": "aside"}, None]
    assert answers[0]["conversation_id"] is None
    assert types(events).count("conversation.item.added") == 1


def test_a_response_may_be_given_its_own_input(talk: Talk) -> None:
    said = talk.say("the conversation's words")
    own = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "other words"}],
    }
    aside = {"conversation": "none", "output_modalities": ["text"]}
    text = "response.output_text.done"
    assert only(talk.respond(input=[own], **aside), text)["text"] == "You said: other words"
    reference = {"type": "item_reference", "id": said["id"]}
    assert "conversation's" in only(talk.respond(input=[reference], **aside), text)["text"]
    lost = {"type": "item_reference", "id": "nobody"}
    assert error(talk.respond(input=[lost], **aside))["param"] == "response.input[0].id"


def test_a_cancelled_response_closes_all_it_had_opened() -> None:
    talk = Talk(SLOW)
    [created] = talk.respond()
    talk.wait(0.35)
    events = talk.send("response.cancel", response_id=created["response"]["id"])
    assert types(events) == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    ended = done(events)
    assert ended["status"] == "cancelled"
    assert ended["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert ended["output"][0]["status"] == "incomplete"
    assert ended["usage"]["output_token_details"]["audio_tokens"] == 4  # one delta of 200 ms
    assert talk.wait(5) == []


def test_a_response_cancelled_before_its_first_token_has_no_output() -> None:
    talk = Talk(SLOW)
    talk.respond()
    assert done(talk.send("response.cancel"))["output"] == []


def test_cancelling_a_stranger_is_refused() -> None:
    talk = Talk(SLOW)
    talk.respond()
    refused = error(talk.send("response.cancel", response_id="resp_other"))
    assert refused["code"] == "response_cancel_not_active"


def test_too_few_tokens_make_the_response_incomplete(talk: Talk) -> None:
    spoken(talk)
    ended = done(talk.respond(max_output_tokens=6))
    assert ended["status"] == "incomplete"
    assert ended["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert ended["usage"]["output_tokens"] <= 6
    assert ended["max_output_tokens"] == 6


def test_usage_adds_up_and_the_second_turn_is_partly_cached(talk: Talk) -> None:
    talk.update(instructions="Be patient. " * 40)
    spoken(talk)
    first = done(talk.respond())["usage"]
    second = done(talk.respond())["usage"]
    for usage in (first, second):
        given, cached = usage["input_token_details"], usage["input_token_details"]["cached_tokens_details"]
        kinds = ("text_tokens", "audio_tokens", "image_tokens")
        assert usage["input_tokens"] == sum(given[kind] for kind in kinds)
        assert given["cached_tokens"] == sum(cached.values())
        assert all(cached[kind] <= given[kind] for kind in kinds)
        assert usage["output_tokens"] == sum(usage["output_token_details"].values())
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert first["input_token_details"]["cached_tokens"] == 0
    assert second["input_token_details"]["cached_tokens"] >= 64
    assert first["input_token_details"]["audio_tokens"] == 6
    assert first["output_token_details"]["audio_tokens"] == 12


def test_the_limits_count_down(talk: Talk) -> None:
    [limits] = only(talk.respond(), "rate_limits.updated")["rate_limits"]
    assert limits["name"] == "tokens"
    assert 0 < limits["remaining"] < limits["limit"]


def test_a_tool_is_called_when_the_user_names_it(talk: Talk) -> None:
    talk.update(tools=[WEATHER, CLOCK])
    talk.say("what does get weather tell?")
    events = talk.respond()
    call = only(events, "response.function_call_arguments.done")
    joined = "".join(event["delta"] for event in all_of(events, "response.function_call_arguments.delta"))
    assert joined == call["arguments"]
    jsonschema.validate(msgspec.json.decode(joined), WEATHER["parameters"])
    [item] = done(events)["output"]
    assert (item["name"], item["call_id"], item["status"]) == (
        "get_weather",
        call["call_id"],
        "completed",
    )


def test_the_result_of_a_call_is_told_back(talk: Talk) -> None:
    talk.update(tools=[WEATHER], output_modalities=["text"])
    talk.say("get_weather")
    call = only(talk.respond(), "response.function_call_arguments.done")
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
    talk.send("conversation.item.create", item=result)
    text = only(talk.respond(), "response.output_text.done")["text"]
    assert text == "get_weather answered: sunny"


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("auto", []),
        ("none", []),
        ("required", ["get_weather"]),
        ({"type": "function", "name": "clock"}, ["clock"]),
    ],
)
def test_tool_choice_is_obeyed(talk: Talk, choice: object, called: list[str]) -> None:
    talk.update(tools=[WEATHER, CLOCK])
    talk.say("hello")
    calls = all_of(talk.respond(tool_choice=choice), "response.function_call_arguments.done")
    assert [call["name"] for call in calls] == called


def test_two_tools_are_called_at_once_only_where_that_is_allowed(talk: Talk) -> None:
    talk.update(tools=[WEATHER, CLOCK])
    talk.say("get_weather and clock")
    outputs = done(talk.respond())["output"]
    assert [item["name"] for item in outputs] == ["get_weather", "clock"]
    talk.say("get_weather and clock")
    assert len(done(talk.respond(parallel_tool_calls=False))["output"]) == 1


def test_a_tool_that_is_not_there_cannot_be_chosen(talk: Talk) -> None:
    refused = error(talk.respond(tool_choice={"type": "function", "name": "ghost"}))
    assert refused["param"] == "response.tool_choice"


def test_a_response_told_to_fail_says_why_and_costs_nothing(talk: Talk) -> None:
    failure = {"type": "rate_limit_error", "code": "rate_limit_exceeded", "message": "Slow down."}
    talk.engine.fail_responses(failure)
    events = talk.respond()
    assert types(events)[:2] == ["response.created", "response.done"]
    assert done(events)["status_details"] == {"type": "failed", "error": failure}
    assert done(events)["usage"] is None


def test_the_voice_is_fixed_once_it_was_heard(talk: Talk) -> None:
    talk.update(audio={"output": {"voice": "cedar"}})
    talk.respond()
    session = {"type": "realtime", "audio": {"output": {"voice": "marin"}}}
    assert error(talk.send("session.update", session=session))["code"] == "cannot_update_voice"


def test_an_unknown_voice_is_refused(talk: Talk) -> None:
    refused = error(talk.respond(audio={"output": {"voice": "robot"}}))
    assert refused["param"] == "response.audio.output.voice"


def test_a_transcription_session_does_not_answer() -> None:
    talk = Talk(kind="transcription")
    assert error(talk.respond())["code"] == "invalid_value"


def test_so_many_responses_run_at_once_and_no_more() -> None:
    talk = Talk(SLOW)
    for _ in range(64):
        talk.respond(conversation="none")
    assert error(talk.respond(conversation="none"))["type"] == "rate_limit_error"
