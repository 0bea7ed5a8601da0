"""The simulator's REST side: the calls of the real API, and the doors for tests.

`/v1/models` and the two that hand out client secrets answer as the real ones do. `/sim/sessions` shows what
was received, `/sim/faults` lays faults down, `/sim/sessions/{id}/events` sends any text to a client.

The rule: a body that is not understood is a 400 in the form of the API's own errors.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from relay.simulator import config, translation
from relay.simulator.admission import Secret, bad_key, key_is_good, key_of
from relay.simulator.errors import Json, Refused, Shaped, checked, missing, parsed
from relay.simulator.faults import BadFault
from relay.simulator.lobby import Lobby
from relay.simulator.records import SessionRecord
from relay.simulator.upgrade import error_kind

BODY_BYTES: Final = 1024 * 1024
"""More than any request here needs: instructions may have 256,000 characters."""
MODELS_CREATED: Final = 1_767_225_600
"""1 January 2026: every model has to say when it was made."""
MIN_SECRET_SECONDS: Final = 10
MAX_SECRET_SECONDS: Final = 7_200


class Expiry(msgspec.Struct, forbid_unknown_fields=True):
    """`expires_after` of a client secret's request."""

    anchor: str
    seconds: Annotated[int, msgspec.Meta(ge=MIN_SECRET_SECONDS, le=MAX_SECRET_SECONDS)] = 600


class SecretRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /v1/realtime/client_secrets."""

    expires_after: Expiry | None = None
    session: dict[str, Any] | None = None


class TranslationSecretRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /v1/realtime/translations/client_secrets."""

    session: dict[str, Any]
    expires_after: Expiry | None = None


class FaultRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /sim/faults."""

    fault: str
    sessions: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Rest:
    """The endpoints, over one lobby."""

    def __init__(self, lobby: Lobby) -> None:
        self._lobby = lobby

    # --- the API's own
    async def models(self, request: Request) -> Response:
        """List the models that sessions may name."""
        self._check_key(request)
        listed = [
            {"id": name, "object": "model", "created": MODELS_CREATED, "owned_by": "system"}
            for name in self._lobby.settings.models
        ]
        return _json({"object": "list", "data": listed})

    async def client_secrets(self, request: Request) -> Response:
        """Hand out a client secret that opens sessions until it expires."""
        self._check_key(request)
        body = await _body(request, SecretRequest)
        lobby = self._lobby
        given = {"type": "realtime"} if body.session is None else body.session
        kind = given.get("type", "realtime")
        model = given.get("model") or lobby.settings.models[0]
        session_id = lobby.ids.new("sess")
        session = config.updated(
            config.born(lobby.settings, kind, session_id, str(model), 0),
            given,
            lobby.settings,
            spoke=False,
        )
        return self._minted(body.expires_after, given, session)

    async def translation_secrets(self, request: Request) -> Response:
        """Hand out a client secret that opens translation sessions until it expires."""
        self._check_key(request)
        body = await _body(request, TranslationSecretRequest)
        lobby = self._lobby
        given: Json = {"type": "translation", **body.session}
        model = given.get("model")
        if not isinstance(model, str):
            raise missing("session.model")
        fresh = translation.born(lobby.ids.new("sess"), model, 0)
        return self._minted(body.expires_after, given, translation.updated(fresh, given, lobby.settings))

    def _minted(self, expiry: Expiry | None, given: Json, session: Json) -> Response:
        """Keep a new secret that carries *given*, and show it beside *session*, which that makes."""
        lobby = self._lobby
        seconds = lobby.settings.secret_seconds if expiry is None else expiry.seconds
        value = lobby.ids.new("ek", 32)
        expires_at = lobby.wall() + seconds
        lobby.keep_secret(value, Secret(expires_at, given))
        return _json({"value": value, "expires_at": int(expires_at), "session": session})

    # --- for tests
    async def faults(self, request: Request) -> Response:
        """Show the faults laid down; POST lays one down, DELETE takes all back."""
        book = self._lobby.faults
        if request.method == "POST":
            body = await _body(request, FaultRequest)
            try:
                book.add(body.fault, body.sessions)
            except BadFault as error:
                raise Refused("bad_fault", f"{error}.", "fault") from None
        elif request.method == "DELETE":
            book.clear()
        listed = [{"fault": order.text, "sessions": order.sessions} for order in book.orders]
        status = HTTPStatus.CREATED if request.method == "POST" else HTTPStatus.OK
        return _json({"faults": listed}, status)

    async def sessions(self, request: Request) -> Response:
        """Show every session, or the `last` so many."""
        records = list(self._lobby.records)
        if (last := request.query_params.get("last")) is not None:
            if not last.isdecimal():
                raise Refused("invalid_value", "'last' has to be a whole number.", "last")
            records = records[max(len(records) - int(last), 0) :]
        return _json({"sessions": [record.shown() for record in records]})

    async def session(self, request: Request) -> Response:
        """Show one session."""
        return _json(self._record(request).shown())

    async def events(self, request: Request) -> Response:
        """Send the body to the client of a session, as a text message, whatever it is."""
        record = self._record(request)
        payload = await _limited(request)
        for live in self._lobby.live:
            if live.record is record and record.open:
                live.inject(payload)
                return _json({"sent": len(payload)}, HTTPStatus.ACCEPTED)
        raise HTTPException(HTTPStatus.CONFLICT, "That session is over.")

    def _record(self, request: Request) -> SessionRecord:
        """Find a session by its number, its record's id or its session's id."""
        wanted = request.path_params["id"]
        for record in self._lobby.records:
            session_id = record.session["id"] if record.session is not None else None
            if wanted in (record.id, str(record.number), session_id):
                return record
        raise HTTPException(HTTPStatus.NOT_FOUND, f"No session '{wanted}'.")

    def _check_key(self, request: Request) -> None:
        headers = {name: [value] for name, value in request.headers.items()}
        key = key_of(headers, ())
        lobby = self._lobby
        if not key_is_good(key, lobby.settings, lobby.secrets, lobby.wall()):
            raise HTTPException(HTTPStatus.UNAUTHORIZED, bad_key(key).message)


def application(lobby: Lobby) -> Starlette:
    """Return the REST side over *lobby*."""
    rest = Rest(lobby)
    return Starlette(
        routes=[
            Route("/v1/models", rest.models),
            Route("/v1/realtime/client_secrets", rest.client_secrets, methods=["POST"]),
            Route("/v1/realtime/translations/client_secrets", rest.translation_secrets, methods=["POST"]),
            Route("/sim/faults", rest.faults, methods=["GET", "POST", "DELETE"]),
            Route("/sim/sessions", rest.sessions),
            Route("/sim/sessions/{id}", rest.session),
            Route("/sim/sessions/{id}/events", rest.events, methods=["POST"]),
        ],
        exception_handlers={Refused: _refused, HTTPException: _failed},
    )


async def _refused(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, Refused)
    body = error.body()
    del body["event_id"]
    return _json({"error": body}, HTTPStatus.BAD_REQUEST)


async def _failed(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, HTTPException)
    code = "invalid_api_key" if error.status_code == HTTPStatus.UNAUTHORIZED else None
    body: Json = {
        "message": error.detail,
        "type": error_kind(error.status_code),
        "param": None,
        "code": code,
    }
    return _json({"error": body}, error.status_code)


async def _limited(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is over 1 MiB.")
    return body


async def _body(request: Request, shape: type[Shaped]) -> Shaped:
    """Read a JSON body of *shape*; an empty one is an empty object."""
    raw = await _limited(request)
    return checked(parsed(raw or b"{}"), shape)


def _json(body: object, status: int = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
