"""What the model answers: words that name what was said, or calls of tools.

The rule: an answer depends on the context and the settings alone, so that a test can foresee it.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

import msgspec

from relay.simulator.audio import Encoding, tone, transcode
from relay.simulator.conversation import Item
from relay.simulator.errors import Json
from relay.simulator.schema_sample import sample
from relay.simulator.settings import ANY_AUDIO, SimulatorSettings

QUOTED: Final = 1_000
"""Characters of somebody's words that are said back."""
TONE_MS: Final = 600
"""The voice of an answer where nobody spoke: long enough for a few deltas."""
MCP_TOOL: Final = "search"
"""What an MCP server offers when `allowed_tools` names nothing."""

BROKEN: Final = "invalid"
"""An MCP server or tool with this in its name fails, so that failure can be tried."""


@dataclass(frozen=True, slots=True)
class Say:
    """Words, and the audio that goes with them when they are spoken."""

    text: str
    heard: Item | None = None
    """The item whose audio is given back."""

    def voiced(self, encoding: Encoding) -> bytes:
        """Return the audio: what the caller said, byte for byte where the formats agree."""
        if self.heard is None or not self.heard.audio:
            return tone(TONE_MS, encoding)
        return transcode(self.heard.audio, self.heard.encoding, encoding)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function of the client's."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class McpCall:
    """A call of a tool of an MCP server, or the wish for leave to make it."""

    server: str
    name: str
    arguments: str
    approval: str | None = None
    """The id of the request that was approved."""
    ask: bool = False
    """Whether the client has to approve first."""


Output = Say | Call | McpCall


def transcribe(settings: SimulatorSettings, audio: bytes, encoding: Encoding) -> str:
    """Return the words of *audio*: those it is known for, or how long it is. Empty: not understood."""
    seconds = encoding.seconds(len(audio))
    if settings.transcripts:
        known = settings.transcripts.get(hashlib.sha256(audio).hexdigest())
        if known is not None:
            return known
    for speech in settings.known_speech:
        if speech.fits(seconds):
            return speech.text
    return settings.transcripts.get(ANY_AUDIO, f"{seconds:.1f} seconds of speech")


def answer(
    context: list[Item],
    tools: list[Json],
    choice: str | Json,
    settings: SimulatorSettings,
    *,
    parallel: bool,
) -> list[Output]:
    """Return what the model puts out, in order: at least one thing."""
    approved = _approved(context)
    if approved is not None:
        return [approved, Say(_reply(context, f"{approved.name} was allowed."), _heard(context))]
    calls = _calls(context, tools, choice, settings)
    if not calls:
        return [Say(_reply(context), _heard(context))]
    outputs: list[Output] = list(calls if parallel else calls[:1])
    if any(isinstance(call, McpCall) and not call.ask for call in outputs):
        # The API itself calls MCP tools, and goes on to speak of what they gave.
        outputs.append(Say(_reply(context), _heard(context)))
    return outputs


def mcp_result(call: McpCall) -> str:
    """Return what the stand-in for an MCP server gives back."""
    return f"{call.server} did {call.name} with {call.arguments}"


def mcp_tools(tool: Json) -> list[str]:
    """Return the names of the tools that an MCP server is taken to offer."""
    allowed = tool.get("allowed_tools")
    if isinstance(allowed, dict):
        allowed = allowed.get("tool_names")
    return [str(name) for name in allowed] if allowed else [MCP_TOOL]


def _heard(context: list[Item]) -> Item | None:
    return next((item for item in reversed(context) if item.role == "user" and item.audio), None)


def _reply(context: list[Item], preface: str = "") -> str:
    """Name what was said last: the results of calls, or the user's words."""
    results: list[str] = []
    for item in reversed(context):
        if item.kind != "function_call_output":
            break
        results.insert(0, f"{_called(context, item)} answered: {item.text()[:QUOTED]}")
    if results:
        return " ".join(results)
    said = next((item for item in reversed(context) if item.role == "user"), None)
    if said is None:
        words = "Hello. I am listening."
    elif said.silent:
        words = "Are you still there?"
    elif said.text():
        words = f"You said: {said.text()[:QUOTED]}"
    elif said.images:
        words = f"You showed me {said.images} image{'s' if said.images > 1 else ''}."
    else:
        words = "I could not understand that."
    return f"{preface} {words}".strip()


def _called(context: list[Item], output: Item) -> str:
    """Return the name of the function that *output* answers."""
    for item in context:
        if item.kind == "function_call" and item.shown["call_id"] == output.shown["call_id"]:
            name: str = item.shown["name"]
            return name
    return "The function"


def _approved(context: list[Item]) -> McpCall | None:
    """Return the call that the last item of *context* allows."""
    if not context or context[-1].kind != "mcp_approval_response":
        return None
    response = context[-1].shown
    if not response["approve"]:
        return None
    for item in context:
        if item.kind == "mcp_approval_request" and item.id == response["approval_request_id"]:
            asked = item.shown
            return McpCall(asked["server_label"], asked["name"], asked["arguments"], item.id)
    return None


def _calls(
    context: list[Item], tools: list[Json], choice: str | Json, settings: SimulatorSettings
) -> list[Call | McpCall]:
    """Return the calls to make, in the order of the tools; none means: speak."""
    if not tools or choice == "none":
        return []
    if isinstance(choice, dict):
        field = "name" if choice["type"] == "function" else "server_label"
        named = next(tool for tool in tools if tool["type"] == choice["type"] and tool[field] == choice[field])
        return [_call(named, choice.get("name"))]
    fresh = bool(context) and context[-1].role == "user"
    mentioned = [_call(tool) for tool in tools if fresh and _mentions(context[-1], tool)]
    if choice == "required" or (settings.tool_calls == "always" and fresh):
        return mentioned or [_call(tools[0])]
    return mentioned if settings.tool_calls == "mentioned" else []


def _mentions(item: Item, tool: Json) -> bool:
    said = item.text().lower()
    names = [tool["name"]] if tool["type"] == "function" else mcp_tools(tool)
    return any(name.lower() in said or name.lower().replace("_", " ") in said for name in names)


def _call(tool: Json, name: str | None = None) -> Call | McpCall:
    if tool["type"] == "function":
        arguments = sample(tool.get("parameters") or {"type": "object"})
        return Call(tool["name"], msgspec.json.encode(arguments or {}).decode())
    return McpCall(
        tool["server_label"],
        name or mcp_tools(tool)[0],
        '{"query":"example"}',
        ask=tool.get("require_approval") != "never",
    )
