"""Last words: what a close frame may carry, and what a client is told before it.

Rule: nothing goes into a close frame that RFC 6455 forbids there, whatever a peer or a table said.
"""

from typing import Final

from relay.core.refusals import Reason
from relay.core.tenants import Plan

_SENT: Final = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})
"""Close codes that a peer takes: the registered ones and the applications'. For any other it may fail us."""
NO_STATUS: Final = 1005
"""How a close frame without a code is told of (RFC 6455, 7.4.1)."""
ORDINARY: Final = 1000
MAX_CLOSE_REASON_BYTES: Final = 123
"""RFC 6455, 5.5: a control frame carries 125 bytes, two of which are the code."""


def wire_code(code: int) -> int:
    """Return *code* as a peer may be sent it; 1005 and its like only describe a silence (RFC 6455, 7.4.1)."""
    return code if code in _SENT else 1011


def answer_code(code: int) -> int:
    """Return the code that answers a close frame with *code*: one without a code is an ordinary one."""
    return ORDINARY if code == NO_STATUS else wire_code(code)


def wire_reason(reason: str) -> bytes:
    """Return *reason* cut to what a close frame takes, on a character's edge."""
    encoded = reason.encode("utf-8", "replace")
    if len(encoded) <= MAX_CLOSE_REASON_BYTES:
        return encoded
    return encoded[:MAX_CLOSE_REASON_BYTES].decode("utf-8", "ignore").encode()


def parting_words(reason: Reason, plan: Plan) -> str:
    """Return the message of the `error` event that goes before the close."""
    match reason:
        case Reason.TOO_OLD:
            return f"Your session hit the maximum duration of {plan.session_seconds / 60:g} minutes."
        case Reason.IDLE:
            return f"Your session was idle for {plan.idle_seconds:g} seconds."
        case Reason.BUDGET_SPENT:
            return "The day's budget is spent. It starts anew at 00:00 UTC."
        case Reason.KEY_REVOKED:
            return "The key of this session was revoked."
        case Reason.REPLACED:
            return "A newer session took this one's name."
        case _:
            return "The connection to the upstream was lost."
