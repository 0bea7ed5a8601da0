"""The admin API on the operator's port: a bearer token, a table of calls, and one answer a call.

Rule: without a token in the configuration there is nothing here, and with the wrong one nothing is told.
Whatever changes something leaves one log line, and a query that is not understood is refused.
"""

import hmac
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from relay.core.refusals import Refusal, Refused
from relay.core.words import Secret
from relay.edge import admin_rows as rows
from relay.edge.admin_calls import CALLS, ROOT, Asked, Call
from relay.edge.admin_openapi import LONGEST, TEXT, Parameter, document
from relay.edge.admin_operations import Operations
from relay.edge.replies import refusing

OPENAPI: Final = f"{ROOT}/openapi.json"
_BEARER: Final = re.compile(r"(?i:bearer) +(\S+) *")
_TEXT: Final = re.compile(TEXT)
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_NOT_HERE: Final = Refused(Refusal.NOT_FOUND, "There is no such thing here.")
_FRESH: Final = {"Cache-Control": "no-store"}

log = structlog.get_logger("admin")


def routes(operations: Operations, token: Callable[[], Secret | None]) -> list[BaseRoute]:
    """Return the routes, for the app of the operator's port. *token* is asked for at every request."""
    door = _Door(token)
    paths: dict[str, dict[str, Call]] = {}
    for call in CALLS:
        paths.setdefault(call.path, {})[call.method] = call
    served = [Route(path, _Place(door, methods, operations)) for path, methods in paths.items()]
    described = msgspec.json.encode(document(CALLS))
    return [
        *served,
        Route(OPENAPI, _Description(door, described)),
        Route(ROOT, _Nowhere(door)),
        Route(ROOT + "/{rest:path}", _Nowhere(door)),
    ]


class _Door:
    """Lets in who bears the token."""

    def __init__(self, token: Callable[[], Secret | None]) -> None:
        self._token = token

    def refusal(self, request: Request) -> Response | None:
        """Return the answer to who may not come in."""
        token = self._token()
        if token is None:
            return Response("Not Found", 404, media_type="text/plain")
        shown = _BEARER.fullmatch(request.headers.get("authorization", ""))
        # Encoded first: compare_digest takes no text beyond ASCII, and a header may hold any byte.
        if shown is not None and hmac.compare_digest(shown[1].encode(), token.reveal().encode()):
            return None
        refused = Refused(Refusal.INVALID_KEY, "The admin token is missing or wrong.")
        return refusing(refused, {**_FRESH, "WWW-Authenticate": 'Bearer realm="relay admin"'})


class _Guarded(ABC):
    """What stands at one path: an ASGI app, so that every method comes here and is told the same way."""

    methods: tuple[str, ...] = ("GET",)

    def __init__(self, door: _Door) -> None:
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        answer = self._door.refusal(request) or self._method_refusal(request) or await self.answer(request)
        await answer(scope, receive, send)

    def _method_refusal(self, request: Request) -> Response | None:
        if request.method in self.methods:
            return None
        allowed = ", ".join(self.methods)
        refused = Refused(Refusal.METHOD_NOT_ALLOWED, f"This address takes {allowed}.")
        return refusing(refused, {**_FRESH, "Allow": allowed})

    @abstractmethod
    async def answer(self, request: Request) -> Response:
        """Answer a request that may be made."""


class _Description(_Guarded):
    """Serves the OpenAPI document."""

    def __init__(self, door: _Door, described: bytes) -> None:
        super().__init__(door)
        self._described = described

    async def answer(self, request: Request) -> Response:
        """Serve it."""
        del request
        return Response(self._described, 200, _FRESH, media_type="application/json")


class _Nowhere(_Guarded):
    """What is at every other path."""

    def _method_refusal(self, request: Request) -> None:
        del request

    async def answer(self, request: Request) -> Response:
        """Say that there is nothing."""
        del request
        return _telling(Refused(Refusal.NOT_FOUND, f"There is nothing at this path. See {OPENAPI}."))


class _Place(_Guarded):
    """Serves the calls of one path."""

    def __init__(self, door: _Door, calls: dict[str, Call], operations: Operations) -> None:
        super().__init__(door)
        self.methods = tuple(calls)
        self._calls = calls
        self._operations = operations

    async def answer(self, request: Request) -> Response:
        """Do what is asked for; what changes something is logged, whatever came of it."""
        call = self._calls[request.method]
        asked = _asked(call, request)
        outcome = asked if isinstance(asked, Refused) else await call.work(self._operations, asked)
        answer = _answer(call, asked, outcome)
        if call.method != "GET":
            done = msgspec.to_builtins(outcome) if isinstance(outcome, rows.Closed | rows.Reloaded) else {}
            log.info(
                "admin",
                call=call.name,
                id=request.path_params.get("id", "")[:LONGEST],
                status=answer.status_code,
                by=request.client.host if request.client is not None else None,
                **done,
            )
        return answer


def _asked(call: Call, request: Request) -> Asked | Refused:
    """Read the path and the query. What is not in the table, or stands twice, is refused."""
    known = {parameter.name: parameter for parameter in call.query}
    given: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        parameter = known.get(name)
        if parameter is None or name in given:
            why = "is given more than once" if parameter is not None else "is not one that this takes"
            return _bad(f"The parameter {name[:LONGEST]!a} {why}.", name)
        read = _read(parameter, value)
        if isinstance(read, Refused):
            return read
        given[name] = read
    for name, parameter in known.items():
        if parameter.required and name not in given:
            return _bad(f"The parameter {name} is missing.", name)
    id_ = request.path_params.get("id", "")
    if id_ and not _is_text(id_):
        return _NOT_HERE  # no id can be that
    return Asked(id_, {name: given.get(name, parameter.default) for name, parameter in known.items()})


def _read(parameter: Parameter, value: str) -> str | int | date | Refused:
    """Return *value* as *parameter* has it."""
    if parameter.day:
        try:
            return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).date()
        except ValueError:
            return _bad(f"{parameter.name} is a day, as YYYY-MM-DD.", parameter.name)
    if parameter.among:
        if value in parameter.among:
            return value
        return _bad(f"{parameter.name} is one of {', '.join(parameter.among)}.", parameter.name)
    if parameter.least is not None:
        if _NUMBER.fullmatch(value) and parameter.least <= int(value) <= parameter.most:
            return int(value)
        return _bad(
            f"{parameter.name} is a whole number from {parameter.least} to {parameter.most}.", parameter.name
        )
    if _is_text(value):
        return value
    return _bad(f"{parameter.name} has 1 to {LONGEST} printable characters.", parameter.name)


def _is_text(value: str) -> bool:
    return len(value) <= LONGEST and _TEXT.fullmatch(value) is not None


def _answer(call: Call, asked: Asked | Refused, outcome: Any) -> Response:  # noqa: ANN401 - whatever a call makes
    match outcome:
        case Refused():
            return _telling(outcome)
        case None:
            return _telling(_NOT_HERE)
        case rows.Refuted(problems=problems):
            refused = Refused(
                Refusal.BAD_REQUEST,
                "The configuration was refused: the last good one stays.",
                code="configuration_refused",
            )
            body = msgspec.json.encode({"error": {**refused.error(), "problems": problems}})
            return Response(body, 409, _FRESH, media_type="application/json")
        case list() if isinstance(asked, Asked):
            outcome = _page(outcome, asked)
    return Response(msgspec.json.encode(outcome), call.status, _FRESH, media_type="application/json")


def _page(found: list[Any], asked: Asked) -> dict[str, Any]:
    """Make a page of what was *found*: one entry more than asked for where there are more."""
    limit = asked.query["limit"]
    shown = found[:limit]
    more = len(found) > limit and asked.query.get("order", "id") == "id"
    return {
        "object": "list",
        "data": shown,
        "has_more": more,
        "next_cursor": shown[-1].id if more else None,
    }


def _telling(refused: Refused) -> Response:
    return refusing(refused, _FRESH)


def _bad(message: str, param: str) -> Refused:
    return Refused(Refusal.BAD_REQUEST, message, param=param[:LONGEST])
