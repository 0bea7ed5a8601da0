"""What the operator looks at, and which key changes it.

Rule: pure: a state and a key give the next state.
"""

from enum import StrEnum
from typing import Final

import msgspec


class View(StrEnum):
    """The table on the screen."""

    SESSIONS = "sessions"
    TENANTS = "tenants"
    UPSTREAMS = "upstreams"
    REFUSALS = "refusals"


VIEWS: Final = tuple(View)
SESSION_ORDERS: Final = ("events", "unsent", "bytes", "age", "id")
TENANT_ORDERS: Final = ("sessions", "unsent", "id")
"""As the admin API has them; the first is shown first."""
QUIT: Final = frozenset("qQ\x03\x04\x1b")
"""q, and what ends other programs: ctrl-C, ctrl-D, Escape."""


class Controls(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at."""

    view: View = View.SESSIONS
    session_order: str = SESSION_ORDERS[0]
    tenant_order: str = TENANT_ORDERS[0]

    @property
    def order(self) -> str | None:
        """By what the table is sorted; None where there is no choice."""
        match self.view:
            case View.SESSIONS:
                return self.session_order
            case View.TENANTS:
                return self.tenant_order
            case _:
                return None


def pressed(controls: Controls, key: str) -> Controls | None:
    """Return what is looked at after *key*; None to quit. A key that means nothing changes nothing."""
    if key in QUIT:
        return None
    if key == "\t":
        return _showing(controls, VIEWS[(VIEWS.index(controls.view) + 1) % len(VIEWS)])
    if key in {"1", "2", "3", "4"}:
        return _showing(controls, VIEWS[int(key) - 1])
    if key == "o" and controls.view is View.SESSIONS:
        return msgspec.structs.replace(controls, session_order=_next(SESSION_ORDERS, controls.session_order))
    if key == "o" and controls.view is View.TENANTS:
        return msgspec.structs.replace(controls, tenant_order=_next(TENANT_ORDERS, controls.tenant_order))
    return controls


def _showing(controls: Controls, view: View) -> Controls:
    return msgspec.structs.replace(controls, view=view)


def _next(orders: tuple[str, ...], order: str) -> str:
    return orders[(orders.index(order) + 1) % len(orders)]
