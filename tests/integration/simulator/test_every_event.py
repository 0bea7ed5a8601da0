"""Every event the API has is driven once, and every one is put to the official models."""

from typing import Any

from relay.simulator.audio import Encoding, tone
from relay.simulator.server import Simulator
from relay.simulator.settings import ANY_AUDIO, SimulatorSettings, Span
from tests.integration.simulator.client import Client, talking
from tests.integration.simulator.official import NEVER_SENT, event_types, judge
from tests.unit.simulator.talk import Talk

SPEECH = tone(600, Encoding.PCM)
SILENCE = bytes(48_000)
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def mcp(label: str, approval: str) -> dict[str, Any]:
    return {
        "type": "mcp",
        "server_label": label,
        "server_url": "https://mcp.example",
        "require_approval": approval,
    }


async def everything_with_audio(client: Client) -> None:
    await client.until("conversation.created")
    await client.update(audio={"input": {"transcription": {"model": "gpt-4o-transcribe-diarize"}}})
    await client.append(SPEECH + SILENCE)
    done = await client.until("response.done")
    await client.until("rate_limits.updated")
    answer = done["response"]["output"][0]["id"]
    await client.send("conversation.item.retrieve", item_id=answer)
    await client.until("conversation.item.retrieved")
    await client.send("conversation.item.truncate", item_id=answer, content_index=0, audio_end_ms=100)
    await client.until("conversation.item.truncated")
    await client.send("conversation.item.delete", item_id=answer)
    await client.until("conversation.item.deleted")
    await client.send("conversation.item.delete", item_id=answer)
    await client.until("error")
    await client.send("input_audio_buffer.clear")
    await client.until("input_audio_buffer.cleared")


async def everything_with_text(client: Client) -> None:
    await client.until("session.created")
    await client.update(output_modalities=["text"], tools=[WEATHER])
    image = {"type": "input_image", "image_url": "data:image/png;base64,aGVsbG8="}
    for role, content in [
        ("system", [{"type": "input_text", "text": "Be brief."}]),
        ("assistant", [{"type": "output_text", "text": "Yes?"}]),
        ("user", [{"type": "input_text", "text": "get_weather please"}, image]),
    ]:
        await client.send(
            "conversation.item.create", item={"type": "message", "role": role, "content": content}
        )
        await client.until("conversation.item.done")
    await client.send("response.create", response={"metadata": {"turn": "1"}})
    call = await client.until("response.function_call_arguments.done")
    await client.until("rate_limits.updated")
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
    await client.send("conversation.item.create", item=output)
    await client.send("response.create")
    await client.until("response.output_text.done")
    await client.until("rate_limits.updated")
    await client.send("response.create", response={"max_output_tokens": 1})
    done = await client.until("response.done")
    assert done["response"]["status_details"]["reason"] == "max_output_tokens"
    await client.send("response.create", response={"conversation": "none", "tool_choice": "none"})
    await client.until("response.done")


async def everything_with_servers(client: Client) -> None:
    await client.until("session.created")
    tools = [mcp("invalid", "never"), mcp("library", "never"), mcp("vault", "always")]
    await client.update(tools=tools, output_modalities=["text"])
    await client.until("mcp_list_tools.failed")
    await client.until("mcp_list_tools.completed")
    for label in ("library", "invalid"):
        choice = {"type": "mcp", "server_label": label}
        await client.send("response.create", response={"tool_choice": choice})
        await client.until("response.done")
    await client.send("response.create", response={"tool_choice": {"type": "mcp", "server_label": "vault"}})
    asked = (await client.until("response.done"))["response"]["output"][0]
    assert asked["type"] == "mcp_approval_request"
    granted = {"approval_request_id": asked["id"], "approve": True, "id": "yes"}
    await client.send("conversation.item.create", item={"type": "mcp_approval_response", **granted})
    await client.send("response.create")
    done = await client.until("response.done")
    assert done["response"]["output"][0]["approval_request_id"] == asked["id"]


async def everything_of_a_call(client: Client) -> None:
    await client.update(audio={"input": {"turn_detection": None}})
    await client.send("response.create")
    await client.until("output_audio_buffer.started")
    await client.until("output_audio_buffer.stopped")
    await client.send("response.create")
    await client.until("output_audio_buffer.started")
    await client.until("response.done")


def everything_that_takes_time() -> set[str]:
    """Interruptions and the idle timeout, in virtual time."""
    settings = SimulatorSettings.instant(transcripts={ANY_AUDIO: ""}, first_token_seconds=Span(5, 5))
    talk = Talk(settings)
    detection = {"type": "server_vad", "idle_timeout_ms": 5_000}
    talk.hear(turn_detection=detection, transcription={"model": "whisper-1"})
    talk.append(SPEECH + SILENCE)
    talk.append(SPEECH)
    talk.append(SILENCE)
    talk.wait(1)
    talk.send("response.cancel")
    talk.wait(6)
    for event in talk.seen:
        judge(event)
    ends = [event["response"] for event in talk.seen if event["type"] == "response.done"]
    assert [end["status_details"]["reason"] for end in ends] == ["turn_detected", "client_cancelled"]
    return {event["type"] for event in talk.seen}


async def test_every_event_is_sent_and_is_what_the_official_models_say() -> None:
    seen: set[str] = set()
    quick = SimulatorSettings.instant(announce_conversation=True)
    async with Simulator(quick).running() as sim:
        async with talking(sim) as client:
            await everything_with_audio(client)
            seen |= set(client.types())
        async with talking(sim) as client:
            await everything_with_text(client)
            seen |= set(client.types())
        async with talking(sim) as client:
            await everything_with_servers(client)
            seen |= set(client.types())
        async with talking(sim, "call_id=rtc_1") as client:
            await everything_of_a_call(client)
            seen |= set(client.types())
    seen |= everything_that_takes_time()
    paced = SimulatorSettings.instant(audio_pace=1)
    async with Simulator(paced).running() as sim, talking(sim, "call_id=rtc_2") as client:
        await client.send("response.create")
        await client.until("response.done")
        await client.send("output_audio_buffer.clear")
        await client.until("output_audio_buffer.cleared")
        seen |= set(client.types())
    assert event_types() - seen == NEVER_SENT


async def test_a_transcription_session_is_what_the_official_models_say(sim: Simulator) -> None:
    async with talking(sim, "intent=transcription") as client:
        await client.until("session.created")
        heard = {"transcription": {"model": "gpt-4o-transcribe"}}
        await client.send(
            "session.update",
            session={
                "type": "transcription",
                "audio": {"input": heard},
                "include": ["item.input_audio_transcription.logprobs"],
            },
        )
        await client.until("session.updated")
        await client.append(SPEECH + SILENCE)
        whole = await client.until("conversation.item.input_audio_transcription.completed")
        assert whole["transcript"] == "0.8 seconds of speech"
        assert "response.created" not in client.types()
