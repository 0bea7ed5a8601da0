"""Asks a relay's admin API, and turns whatever goes wrong into words for the operator.

Rule: the token goes to the address that was given and to no other: no redirect is followed, no proxy is used.
"""

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from relay.core.words import Seconds, Secret
from relay.edge.admin_rows import Overview, SessionRow, TenantRow, UpstreamRow

DEFAULT_URL: Final = "http://127.0.0.1:8081"
"""The operator's port as it is where nothing else is configured."""
WITHIN: Final[Seconds] = 3.0
"""For one answer. The relay gives one in milliseconds; a screen that stands still longer looks broken."""
LARGEST: Final = 8 * 1024 * 1024
"""Bytes of an answer that are read: ten times the largest page."""

T = TypeVar("T")


class AskingError(Exception):
    """There was no answer, or not the one that was asked for. Its text is for the operator."""


class Page(msgspec.Struct, frozen=True):
    """One page of a list, undecoded."""

    data: msgspec.Raw


class Snapshot(msgspec.Struct, frozen=True):
    """What one look found."""

    overview: Overview
    sessions: list[SessionRow]
    tenants: list[TenantRow]
    upstreams: list[UpstreamRow]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow none."""


class Source:
    """One relay's admin API. Raises `AskingError`, and nothing else, for all that it cannot get."""

    def __init__(self, url: str, token: Secret) -> None:
        self.url = _base(url)
        self._token = token
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())

    def get(self, path: str, form: type[T], **query: str | int) -> T:
        """Return the answer at *path* below `/admin`."""
        address = f"{self.url}/admin/{quote(path)}" + (f"?{urlencode(query)}" if query else "")
        request = urllib.request.Request(address)  # noqa: S310 - http and https only: see _base
        request.add_unredirected_header("Authorization", f"Bearer {self._token.reveal()}")
        try:
            with self._opener.open(request, timeout=WITHIN) as answer:
                return msgspec.json.decode(answer.read(LARGEST), type=form)
        except urllib.error.HTTPError as error:
            with error:
                raise AskingError(self._words(error)) from None
        except msgspec.DecodeError:
            raise AskingError(f"{self.url} answers, but not as a relay of this version does.") from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            words = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
            raise AskingError(f"{self.url} is not reached: {words}.") from None

    def listed(self, path: str, form: type[T], **query: str | int) -> list[T]:
        """Return the first page of the list at *path*."""
        return msgspec.json.decode(self.get(path, Page, **query).data, type=list[form])  # type: ignore[valid-type]

    def look(self, order: str, tenants_order: str, most: int) -> Snapshot:
        """Return everything that a screen shows; of each list the *most* first."""
        return Snapshot(
            self.get("overview", Overview),
            self.listed("sessions", SessionRow, order=order, limit=most),
            self.listed("tenants", TenantRow, order=tenants_order, limit=most),
            self.listed("upstreams", UpstreamRow, limit=most),
        )

    def _words(self, error: urllib.error.HTTPError) -> str:
        match error.code:
            case 401:
                return f"{self.url} refuses the token: it is [ops] token of the relay's configuration."
            case 404 if "json" not in error.headers.get("Content-Type", ""):
                return f"{self.url} has no admin API: set [ops] token in the relay's configuration."
            case _:
                return f"{self.url} answers {error.code}: {_message(error)}"


def _base(url: str) -> str:
    """Return *url* as scheme and host. Raises `AskingError` where it is no address."""
    whole = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(whole)
        sound = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
        parts = urlsplit("")
    if not sound or "@" in parts.netloc:
        raise AskingError(f"{url!a} is no address: it is written as {DEFAULT_URL}.")
    return f"{parts.scheme}://{parts.netloc}"


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(LARGEST))["error"]["message"])
    except (ValueError, KeyError, TypeError, OSError, HTTPException):
        return str(error.reason)
