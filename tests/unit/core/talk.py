"""A session between two gates that a test has in its hand."""

from relay.core.actions import FORWARD, Actions, Close, Send
from relay.core.refusals import Reason
from relay.core.session import Session
from relay.core.tenants import Plan
from relay.core.words import Side
from tests.unit.core.gates import told

CLIENT, UPSTREAM = Side
MESSAGE = memoryview(b"{}")


class Judge:
    """A gate that says what the test tells it to."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.bytes = 0
        self.audio_seconds = 0.0
        self.wait = 0.0
        self.over: Reason | None = None
        self.answer: Actions = FORWARD

    def judge(self, message: memoryview, text: bool, now: float) -> Actions:
        del message, text, now
        return self.answer


class Talk(Session):
    """A session between two gates that the test has in its hand."""

    def __init__(self, limits: Plan) -> None:
        self.up, self.down = Judge(), Judge()
        super().__init__(plan=limits, uplink=self.up, downlink=self.down, event_id=lambda: "event_1", now=0)

    def says(self, side: Side, now: float) -> Actions:
        return (self.upstream_message if side else self.client_message)(MESSAGE, True, now)


def both(code: int, upstream: int, reason: bytes) -> Actions:
    return (Close(CLIENT, code, reason), Close(UPSTREAM, upstream, reason))


def error_of(action: object) -> dict[str, object]:
    assert isinstance(action, Send)
    assert action.side is CLIENT
    error = told(action.data)["error"]
    assert isinstance(error, dict)
    return error
