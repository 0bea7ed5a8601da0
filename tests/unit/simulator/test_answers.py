from relay.simulator.answers import Call, McpCall, Say, answer, mcp_tools, transcribe
from relay.simulator.audio import Encoding
from relay.simulator.conversation import Item, made
from relay.simulator.errors import Json
from relay.simulator.settings import INSTANT, SimulatorSettings

ALWAYS = SimulatorSettings.instant(tool_calls="always")
NEVER = SimulatorSettings.instant(tool_calls="never")
CLOCK: Json = {"type": "function", "name": "clock"}
LIBRARY: Json = {"type": "mcp", "server_label": "library", "require_approval": "never"}


def user(*content: Json, item_id: str = "item_u") -> Item:
    raw = {"type": "message", "role": "user", "content": list(content)}
    return made(raw, item_id, "call_1", Encoding.PCM)


def text(words: str) -> Json:
    return {"type": "input_text", "text": words}


IMAGE: Json = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}


def said(context: list[Item]) -> str:
    [say] = answer(context, [], "auto", INSTANT, parallel=True)
    assert isinstance(say, Say)
    return say.text


def test_words_name_what_was_said_or_shown_last() -> None:
    assert said([]) == "Hello. I am listening."
    assert said([user(text("one")), user(text("two"))]) == "You said: two"
    assert said([user(IMAGE)]) == "You showed me 1 image."
    assert said([user(IMAGE, IMAGE)]) == "You showed me 2 images."
    assert said([user({"type": "input_audio", "audio": ""})]) == "I could not understand that."


def test_a_long_speech_is_not_said_back_whole() -> None:
    assert len(said([user(text("x" * 100_000))])) < 1_100


def test_whether_tools_are_called_of_itself_is_a_setting() -> None:
    context = [user(text("hello"))]
    assert answer(context, [CLOCK], "auto", ALWAYS, parallel=True) == [Call("clock", "{}")]
    named = [user(text("the clock"))]
    [say] = answer(named, [CLOCK], "auto", NEVER, parallel=True)
    assert isinstance(say, Say)
    assert answer(named, [CLOCK], "auto", INSTANT, parallel=True) == [Call("clock", "{}")]


def test_a_tool_is_not_called_again_once_it_answered() -> None:
    call = {"type": "function_call", "name": "clock", "call_id": "call_1", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "call_1", "output": "noon"}
    context = [user(text("clock"))]
    context += [made(raw, "item_x", "call_1", Encoding.PCM) for raw in (call, output)]
    [say] = answer(context, [CLOCK], "auto", ALWAYS, parallel=True)
    assert isinstance(say, Say)
    assert say.text == "clock answered: noon"


def test_a_result_whose_call_is_not_there_is_still_told() -> None:
    output = {"type": "function_call_output", "call_id": "call_1", "output": "noon"}
    assert said([made(output, "item_x", "call_1", Encoding.PCM)]) == "The function answered: noon"


def test_a_server_is_called_and_then_spoken_of() -> None:
    call, say = answer([user(text("search it"))], [LIBRARY], "auto", INSTANT, parallel=True)
    assert isinstance(call, McpCall)
    assert (call.server, call.name, call.ask) == ("library", "search", False)
    assert isinstance(say, Say)


def test_a_call_that_was_not_approved_is_not_made() -> None:
    asked = Item(
        "mcpr_1",
        {
            "type": "mcp_approval_request",
            "server_label": "library",
            "name": "search",
            "arguments": "{}",
        },
    )
    for approve, kinds in ((True, [McpCall, Say]), (False, [Say])):
        raw = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": approve}
        context = [user(text("x")), asked, made(raw, "item_y", "", Encoding.PCM)]
        outputs = answer(context, [LIBRARY], "auto", INSTANT, parallel=True)
        assert [type(output) for output in outputs] == kinds


def test_an_approval_of_nothing_calls_nothing() -> None:
    raw = {"type": "mcp_approval_response", "approval_request_id": "gone", "approve": True}
    [say] = answer([made(raw, "item_y", "", Encoding.PCM)], [], "auto", INSTANT, parallel=True)
    assert isinstance(say, Say)


def test_a_server_offers_what_is_allowed() -> None:
    assert mcp_tools(LIBRARY) == ["search"]
    assert mcp_tools(LIBRARY | {"allowed_tools": ["find"]}) == ["find"]
    assert mcp_tools(LIBRARY | {"allowed_tools": {"tool_names": ["lend"]}}) == ["lend"]


def test_unknown_audio_is_named_by_its_length() -> None:
    assert transcribe(INSTANT, bytes(8_000), Encoding.PCMU) == "1.0 seconds of speech"
