"""The operator's port: is it alive, is it ready, and what does it count.

Rule: nothing here is on the public port, and liveness depends on nothing but the event loop.
"""

from collections.abc import Callable, Iterable

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from relay.edge.metrics import Metrics


def application(
    metrics: Metrics, unready: Callable[[], str | None], admin: Iterable[BaseRoute] = ()
) -> Starlette:
    """Make the app. *unready* says why no new sessions are taken; None while they are. *admin* goes beside."""

    async def livez(request: Request) -> Response:
        del request
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        del request
        why = unready()
        if why is None:
            return JSONResponse({"ready": True})
        return JSONResponse({"ready": False, "why": why}, status_code=503)

    async def show_metrics(request: Request) -> Response:
        del request
        return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/metrics", show_metrics),
            *admin,
        ]
    )
