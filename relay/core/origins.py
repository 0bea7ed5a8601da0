"""Web origins as browsers send them, and the hosts in them: one form, wherever an origin is written down.

Rule: whoever lets an origin be named reads it here, so that what is named can be met by what a browser sends:
compared as text, in small letters, without the scheme's own port.
"""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import msgspec

_HOST: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_ORIGIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[!-~]+")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class NoOrigin(msgspec.Struct, frozen=True):
    """What was read is no origin."""

    hint: str = ""
    """What may have been meant, as half a sentence. It repeats no more than the origin in what was read."""


def read(raw: str) -> str | NoOrigin:
    """Return the origin *raw* as browsers send it, or that it is none."""
    if "*" in raw:
        return NoOrigin("name every origin: there are no wildcards")
    try:
        parts = urlsplit(raw)
        port = parts.port
    except ValueError:
        return NoOrigin()
    whole = _ORIGIN.fullmatch(raw) and "@" not in parts.netloc
    if not whole or not parts.hostname or not is_host(parts.hostname):
        return NoOrigin()
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    origin = f"{parts.scheme}://{host}"
    if port is not None and port != _DEFAULT_PORTS.get(parts.scheme):
        origin += f":{port}"
    if parts.path or parts.query or parts.fragment:
        return NoOrigin(f'an origin has no path: "{origin}"')
    return origin


def is_host(host: str) -> bool:
    """Tell whether *host* is an IP address, without brackets, or a host name."""
    try:
        ip_address(host)
    except ValueError:
        return _HOST.fullmatch(host) is not None
    return True
