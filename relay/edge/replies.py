"""A refusal as the answer to a plain request.

Rule: status, body and `Retry-After` come from the refusal alone; whoever answers adds no words of its own.
"""

import math
from collections.abc import Mapping

from starlette.responses import Response

from relay.core.refusals import Refused


def refusing(refused: Refused, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer that tells *refused*, with *headers* beside its own."""
    own = dict(headers or {})
    if refused.retry_after is not None:
        own["Retry-After"] = str(max(1, math.ceil(refused.retry_after)))
    return Response(refused.body(), refused.refusal.status, own, media_type="application/json")
