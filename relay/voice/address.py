"""Where to call: what a person types, made into the URL that is dialed.

Rule: a key that stands in a query is never shown again.
"""

import ipaddress
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

_SCHEMES: Final = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_SUBJECTS: Final = ("model", "intent", "call_id", "deployment")
"""A session's URL names one of them; only where it names none is the default model added."""
_SECRET: Final = ("api-key", "api_key", "key", "token")
_PATHS: Final = {"": "/v1/realtime", "/v1": "/v1/realtime", "/openai/v1": "/openai/v1/realtime"}
"""What an SDK takes for its `base_url` is welcome too."""


class UnusableUrlError(ValueError):
    """The text is no URL that a Realtime session can have."""


def dialed(url: str, *, model: str | None, default_model: str) -> str:
    """Return the URL to dial. *model* replaces the one in the query. Raises `UnusableUrlError`."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # reading the port checks it
    except ValueError as error:
        raise UnusableUrlError(f"{url!r} is no URL: {error}") from None
    if parts.scheme not in _SCHEMES or not host:
        raise UnusableUrlError(f"{url!r} is no WebSocket URL; it looks like wss://api.openai.com/v1/realtime")
    if parts.username is not None or parts.fragment:
        raise UnusableUrlError("A Realtime URL has no user and no fragment; the key goes into --key.")
    path = parts.path.rstrip("/")
    query = parse_qsl(parts.query, keep_blank_values=True)
    if model is not None:
        query = [pair for pair in query if pair[0] != "model"]
        query.append(("model", model))
    elif not any(name in _SUBJECTS for name, _ in query):
        query.append(("model", default_model))
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, _PATHS.get(path, path), urlencode(query), ""))


def shown(url: str) -> str:
    """Return *url* as it may stand on a screen or in a log."""
    parts = urlsplit(url)
    query = [
        (name, "***" if name.lower() in _SECRET else value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return urlunsplit((*parts[:3], urlencode(query, safe="*"), ""))


def place(url: str) -> str:
    """Return host and port, for messages."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{_port(parts)}"


def exposes_key(url: str) -> bool:
    """Tell whether a key sent to *url* crosses a network in the clear."""
    parts = urlsplit(url)
    return parts.scheme == "ws" and not is_loopback(url)


def is_loopback(url: str) -> bool:
    """Tell whether *url* is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_openai(url: str) -> bool:
    """Tell whether *url* is the API itself."""
    host = urlsplit(url).hostname or ""
    return host == "openai.com" or host.endswith(".openai.com")


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "wss" else 80)
