"""One line per finished session: who, where, how long, how much, and why it ended.

Rule: everything an operator asks about one session stands in its one line; no content and no secret does.
"""

from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from relay.core.actions import Finish
from relay.core.events import Kind, Outcome
from relay.core.flow import Hold
from relay.core.words import Seconds, Side, usd

if TYPE_CHECKING:
    from relay.edge.live import Live

log = structlog.get_logger("session")
_SIDES: Final = ("client", "upstream")


def write(live: "Live", finish: Finish, now: Seconds) -> None:
    """Write the line of *live*, which ended as *finish* says."""
    terms, downlink = live.terms, live.downlink
    log.info(
        "session ended",
        session=live.id,
        name=terms.permit.name,
        tenant=terms.tenant.id,
        key=terms.key_id,
        plan=terms.tenant.plan.name,
        model=terms.model,
        upstream=terms.endpoint.upstream.name,
        region=terms.region,
        upstream_session=downlink.session_id,
        dialect=terms.speech,
        latency=live.latency,
        reason=finish.reason.label,
        first="relay" if finish.first is None else _SIDES[finish.first],
        code=finish.code,
        seconds=round(now - live.session.started_at, 3),
        paused_seconds={
            f"{_SIDES[side]}_{cause.label}": seconds
            for side in Side
            for cause in Hold
            if (seconds := round(live.paused(side, cause), 3))
        },
        bytes_up=live.bytes(Side.CLIENT),
        bytes_down=live.bytes(Side.UPSTREAM),
        audio_seconds_up=round(live.audio_seconds(Side.CLIENT), 3),
        audio_seconds_down=round(live.audio_seconds(Side.UPSTREAM), 3),
        events_up=_events(live.counts(Side.CLIENT)),
        events_down=_events(live.counts(Side.UPSTREAM)),
        refusals={refusal.label: count for refusal, count in live.refusals()},
        usage={kind: amount for kind, amount in msgspec.to_builtins(downlink.usage).items() if amount},
        cost_usd=usd(downlink.micro_usd),
    )


def _events(counts: list[int]) -> dict[str, int]:
    """Name the counts that are not zero: `audio`, or `response_refused` where it was not forwarded."""
    named: dict[str, int] = {}
    for kind in Kind:
        for outcome in Outcome:
            count = counts[kind * len(Outcome) + outcome]
            if count:
                forwarded = outcome is Outcome.FORWARDED
                named[kind.label if forwarded else f"{kind.label}_{outcome.label}"] = count
    return named
