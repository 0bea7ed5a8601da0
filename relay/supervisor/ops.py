"""The operator's port of a relay that is several processes: they are added up here.

Rule: liveness depends on the supervisor alone, readiness on one worker at least, since it accepts for all.
"""

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from relay.edge.metrics import Metrics
from relay.supervisor.crew import State, Worker
from relay.supervisor.snapshot import family_of
from relay.supervisor.supervisor import Supervisor
from relay.supervisor.tally import Families


def application(supervisor: Supervisor) -> Starlette:
    """Make the app."""
    own = Metrics(tuple, ())

    async def livez(request: Request) -> Response:
        del request
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        del request
        crew = supervisor.crew()
        why = _unready(supervisor, crew)
        shown = {"ready": why is None, "workers": [_shown(worker) for worker in crew]}
        return JSONResponse(shown if why is None else {**shown, "why": why}, 200 if why is None else 503)

    async def show_metrics(request: Request) -> Response:
        del request
        own.draining = supervisor.stopping
        theirs = await supervisor.counts()
        text = supervisor.tally.text(_families(own), theirs)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/metrics", show_metrics),
        ]
    )


def _unready(supervisor: Supervisor, crew: list[Worker]) -> str | None:
    if supervisor.stopping:
        return "draining"
    if not any(worker.state is State.READY for worker in crew):
        return "no worker is ready"
    return None


def _shown(worker: Worker) -> dict[str, object]:
    return {
        "worker": worker.slot,
        "pid": worker.pid,
        "state": worker.state.name.lower(),
        "sessions": worker.sessions,
    }


def _families(metrics: Metrics) -> Families:
    return [family_of(metric) for metric in metrics.registry.collect()]
