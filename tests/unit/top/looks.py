"""A relay as `relay top` is told of it."""

from typing import Any

from relay.core.overload import Level
from relay.edge.admin_rows import Memory, Overview, SessionRow, TenantRow, Traffic, UpstreamRow, Used
from relay.top.asking import Snapshot


def traffic(events: int = 0, seconds: float = 0.0) -> Traffic:
    return Traffic(
        events_up=events,
        events_down=2 * events,
        bytes_up=1000 * events,
        bytes_down=2000 * events,
        audio_seconds_up=seconds,
        audio_seconds_down=seconds / 2,
    )


def session(name: str, events: int = 0, **more: Any) -> SessionRow:
    row: dict[str, Any] = {
        "id": name,
        "name": None,
        "tenant": "acme",
        "key": "k",
        "plan": "standard",
        "model": "gpt-realtime-2.1",
        "upstream": "us-1",
        "region": "us",
        "dialect": "ga",
        "latency": "balanced",
        "age_seconds": 61.0,
        "traffic": traffic(events, events / 10),
        "unsent_up_bytes": 0,
        "unsent_down_bytes": 0,
        "paused": [],
    }
    return SessionRow(**{**row, **more})


def snapshot(at: float, events: int = 0, sessions: list[SessionRow] | None = None, **more: Any) -> Snapshot:
    rows = sessions or []
    overview: dict[str, Any] = {
        "version": "0.1.0",
        "uptime_seconds": at,
        "draining": False,
        "workers": 1,
        "memory": Memory(level=Level.ACCEPT, used_bytes=60_000_000, limit_bytes=None),
        "connections": len(rows),
        "sessions": len(rows),
        "tenants": 1,
        "traffic": traffic(events, events / 10),
        "unsent_up_bytes": 0,
        "unsent_down_bytes": 0,
        "refusals": {},
    }
    tenants = [
        TenantRow(
            id=name,
            plan="standard",
            keys=1,
            concurrent_sessions=limit,
            used=Used(sessions=3, tokens_today=12345, usd_today=1.5),
            unsent_bytes=0,
        )
        for name, limit in (("acme", 20.0), ("[bold]globex[/]", None))
    ]
    upstreams = [
        UpstreamRow(
            id=name,
            host="up.example",
            region="us",
            dialect="openai",
            healthy=healthy,
            sessions=2,
            max_sessions=None,
            keys=1,
            key_wait_seconds=0.0 if healthy else 42.0,
        )
        for name, healthy in (("us-1", True), ("eu-1", False))
    ]
    return Snapshot(Overview(**{**overview, **more}), rows, tenants, upstreams)
