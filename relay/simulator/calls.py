"""The making of one output item that calls: a function of the client's, or an MCP server's tool.

The rule: as for speech, a stage yields steps and can be closed after any of them.
"""

from collections.abc import Iterator

from relay.simulator.answers import BROKEN, Call, McpCall, mcp_result
from relay.simulator.conversation import Item
from relay.simulator.errors import Json
from relay.simulator.stages import Scene, Step
from relay.simulator.usage import Tally, pieces


class CallStage:
    """A function call on its way out."""

    def __init__(self, scene: Scene, index: int, call: Call, budget: float) -> None:
        """Prepare to *call*, within *budget* tokens."""
        self._scene = scene
        self._index = index
        tokens = pieces(call.arguments)
        self.cut = len(tokens) > budget
        self._tokens = tokens[: int(min(budget, len(tokens)))]
        self._sent: list[str] = []
        item_id = scene.ids.new("item")
        self._call_id = scene.ids.call()
        shown: Json = {
            "id": item_id,
            "object": "realtime.item",
            "type": "function_call",
            "status": "in_progress",
            "name": call.name,
            "call_id": self._call_id,
            "arguments": "",
        }
        self.item = Item(item_id, shown)

    @property
    def spoken(self) -> Tally:
        """Return the tokens sent so far."""
        return Tally(len(self._sent))

    def steps(self) -> Iterator[Step]:
        """Yield everything from the first token up to, not including, what `close` returns."""
        apart = self._scene.settings.token_seconds
        yield self._scene.opened(self.item, self._index)
        for token in self._tokens:
            yield apart
            self._sent.append(token)
            yield [self._about("response.function_call_arguments.delta", delta=token)]

    def close(self, status: str) -> list[Json]:
        """Finish the item as *status* and return the events that say so."""
        arguments = "".join(self._sent)
        self.item.shown = self.item.shown | {"status": status, "arguments": arguments}
        return [
            self._about(
                "response.function_call_arguments.done",
                name=self.item.shown["name"],
                arguments=arguments,
            ),
            *self._scene.closed(self.item, self._index),
        ]

    def _about(self, kind: str, **fields: object) -> Json:
        return self._scene.of(
            kind,
            item_id=self.item.id,
            output_index=self._index,
            call_id=self._call_id,
            **fields,
        )


class McpStage:
    """A call that the API makes itself, or its question whether it may."""

    def __init__(self, scene: Scene, index: int, call: McpCall, budget: float) -> None:
        """Prepare to *call*, within *budget* tokens."""
        self._scene = scene
        self._index = index
        self._call = call
        tokens = pieces(call.arguments)
        self.cut = len(tokens) > budget
        self._tokens = tokens[: int(min(budget, len(tokens)))]
        self._sent: list[str] = []
        item_id = scene.ids.new("mcpr" if call.ask else "mcp")
        shown: Json = {
            "id": item_id,
            "type": "mcp_approval_request" if call.ask else "mcp_call",
            "server_label": call.server,
            "name": call.name,
            "arguments": call.arguments if call.ask else "",
        }
        if not call.ask:
            shown |= {"approval_request_id": call.approval, "output": None, "error": None}
        self.item = Item(item_id, shown)

    @property
    def spoken(self) -> Tally:
        """Return the tokens sent so far."""
        return Tally(len(self._sent))

    def steps(self) -> Iterator[Step]:
        """Yield everything from the first token up to, not including, what `close` returns."""
        apart = self._scene.settings.token_seconds
        yield self._scene.opened(self.item, self._index)
        for token in self._tokens:
            yield apart
            self._sent.append(token)
            if not self._call.ask:
                yield [self._about("response.mcp_call_arguments.delta", delta=token)]
        if not self._call.ask and not self.cut:
            yield apart
            whole = self._call.arguments
            yield [
                self._about("response.mcp_call_arguments.done", arguments=whole),
                self._plain("response.mcp_call.in_progress"),
            ]

    def close(self, status: str) -> list[Json]:
        """Finish the item: *status* other than completed means that nothing was called."""
        events: list[Json] = []
        if not self._call.ask:
            changes: Json = {"arguments": "".join(self._sent)}
            if status == "completed" and BROKEN not in self._call.name + self._call.server:
                events.append(self._plain("response.mcp_call.completed"))
                changes["output"] = mcp_result(self._call)
            else:
                events.append(self._plain("response.mcp_call.failed"))
                changes["error"] = {
                    "type": "tool_execution_error",
                    "message": f"{self._call.name} could not be run.",
                }
            self.item.shown = self.item.shown | changes
        return [*events, *self._scene.closed(self.item, self._index)]

    def _about(self, kind: str, **fields: object) -> Json:
        return self._scene.of(kind, item_id=self.item.id, output_index=self._index, **fields)

    def _plain(self, kind: str) -> Json:
        """Return an event that names no response, as these do not."""
        return {"type": kind, "item_id": self.item.id, "output_index": self._index}
