"""The upgrade request: read, written into the record, and judged.

The rule: a path that is not there and a fault that cannot be read are HTTP refusals, and as Azure all
others are too; everything OpenAI's API refuses after the 101 is accepted here and refused by the driver.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs, unquote

import msgspec
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from relay.simulator.admission import (
    BAD_KEY_CLOSE,
    BAD_START_CLOSE,
    Admitted,
    Rejected,
    admit,
    key_of,
)
from relay.simulator.config import NO_DEPLOYMENT, NO_DEPLOYMENT_WORDS
from relay.simulator.errors import Json, Refused, kind_of
from relay.simulator.faults import BadFault, Fault, Kind, of_kind, parse
from relay.simulator.lobby import Lobby
from relay.simulator.records import SessionRecord

PATHS: Final = frozenset({"/v1/realtime", "/openai/v1/realtime"})
"""Where sessions are held: OpenAI's path and Azure's."""
AZURE_PATHS: Final = frozenset({"/openai/v1/realtime"})
"""Where an Azure resource holds them."""
TRANSLATIONS: Final = "/v1/realtime/translations"
"""Where translation sessions are held; Azure has none."""
CLOSES: Final = {
    "invalid_api_key": BAD_KEY_CLOSE,
    "insufficient_permissions": BAD_KEY_CLOSE,
    "rate_limit_exceeded": 1013,
    "server_error": 1011,
}
"""The close code after an error that a fault asks for; 4000 for all others."""
FAULT_QUERY: Final = "sim_fault"
FAULT_HEADER: Final = "x-sim-fault"
SUBPROTOCOL: Final = "realtime"


@dataclass(frozen=True, slots=True)
class Refuse:
    """No upgrade: this answer, and the connection ends."""

    response: Response


@dataclass(frozen=True, slots=True)
class Accept:
    """An upgrade, after *wait* seconds."""

    admission: Admitted | Rejected
    faults: tuple[Fault, ...]
    wait: float


def judge(request: Request, lobby: Lobby, record: SessionRecord) -> Refuse | Accept:
    """Write *request* into *record* and decide about it."""
    path, _, query = request.path.partition("?")
    record.path = unquote(path)
    record.query = parse_qs(query, keep_blank_values=True)
    for name, value in request.headers.raw_items():
        record.headers.setdefault(name.lower(), []).append(value)
    offered = ",".join(record.headers.get("sec-websocket-protocol", []))
    record.subprotocols = [name.strip() for name in offered.split(",") if name.strip()]
    record.key = key_of(record.headers, record.subprotocols, record.query if lobby.settings.azure else {})
    azure = lobby.settings.azure
    translation = record.path == TRANSLATIONS and not azure
    if not translation and record.path not in (AZURE_PATHS if azure else PATHS):
        return _refusal(HTTPStatus.NOT_FOUND, f"Invalid URL (GET {record.path})", None)
    asked = [*record.query.get(FAULT_QUERY, []), *record.headers.get(FAULT_HEADER, [])]
    try:
        faults = parse(",".join(asked))
    except BadFault as error:
        return _refusal(HTTPStatus.BAD_REQUEST, f"{error}.", "bad_fault")
    faults += lobby.faults.take()
    if (refuse := of_kind(faults, Kind.REFUSE)) is not None:
        words = f"The simulator was told to refuse with {refuse.code}."
        after = refuse.seconds
        return _refusal(refuse.code, words, None, {"Retry-After": f"{after:g}"} if after else {})
    ordered = _ordered(faults)
    admission = ordered or admit(
        record.query,
        record.headers,
        record.subprotocols,
        lobby.settings,
        lobby.secrets,
        lobby.wall(),
        translation=translation,
    )
    if azure and ordered is None and isinstance(admission, Rejected):
        return _as_azure(admission.refusal)
    if isinstance(admission, Admitted):
        record.model = admission.model
    late = of_kind(faults, Kind.HANDSHAKE)
    return Accept(admission, faults, late.seconds if late is not None else 0.0)


def _ordered(faults: tuple[Fault, ...]) -> Rejected | None:
    """Return the rejection that a fault asks for."""
    fault = of_kind(faults, Kind.REJECT)
    if fault is None:
        return None
    words = f"The simulator was told to reject with {fault.word}."
    refusal = Refused(fault.word, words, kind=kind_of(fault.word))
    return Rejected(refusal, fault.code or CLOSES.get(fault.word, BAD_START_CLOSE))


def _as_azure(refusal: Refused) -> Refuse:
    """Return *refusal* as Azure puts it: before the 101, with a status."""
    match refusal.code:
        case "invalid_api_key":
            words = "Access denied due to invalid subscription key or wrong API endpoint."
            return _refusal(HTTPStatus.UNAUTHORIZED, words, "401")
        case "invalid_model":
            return _refusal(HTTPStatus.NOT_FOUND, NO_DEPLOYMENT_WORDS, NO_DEPLOYMENT)
        case _:
            return _refusal(HTTPStatus.BAD_REQUEST, refusal.message, refusal.code)


def select_subprotocol(protocol: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Choose `realtime` if it was offered; never the entry that carries a key."""
    del protocol
    return next((name for name in offered if name == SUBPROTOCOL), None)


def error_kind(status: int) -> str:
    """Return the `error.type` that goes with an HTTP status."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limit_error"
    return "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"


def _refusal(status: int, message: str, code: str | None, headers: dict[str, str] | None = None) -> Refuse:
    error: Json = {"message": message, "type": error_kind(status), "param": None, "code": code}
    body = msgspec.json.encode({"error": error})
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Refused"
    fields = Headers(
        {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **(headers or {}),
        }
    )
    return Refuse(Response(status, phrase, fields, body))
