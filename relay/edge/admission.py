"""From a guest who may come in to a session that runs: a permit, an upstream, the socket, the pipe.

Rule: what was taken on the way is given back on every way out, the client's leaving included.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from relay.core.deadlines import PROBE_WITHIN
from relay.core.dialects.spoken import by_upstream
from relay.core.downlink import Downlink
from relay.core.guest import Guest
from relay.core.redaction import Redactor
from relay.core.refusals import Reason, Refusal, Refused
from relay.core.session import Session
from relay.core.tenants import Tenant
from relay.core.turns import Turns
from relay.core.uplink import Uplink
from relay.core.usage import PriceTable
from relay.core.words import SessionId, SessionName, Side, UnixSeconds
from relay.edge import clock
from relay.edge.connections import Connections
from relay.edge.dialer import Dialed, Dialer
from relay.edge.dice import drawn
from relay.edge.farewell import Deaf
from relay.edge.grants import Grants
from relay.edge.handoff import Handoff
from relay.edge.leg import LARGEST_FRAME, Leg
from relay.edge.live import Live, Sessions, Terms
from relay.edge.pipe import Pipe
from relay.ports import Allowances, Permit, Permits


class Admission:
    """Starts sessions."""

    def __init__(
        self,
        *,
        redact: Redactor,
        permits: Permits,
        allowances: Allowances,
        dialer: Dialer,
        sessions: Sessions,
        connections: Connections,
        prices: PriceTable,
        grants: Grants,
    ) -> None:
        self.redact = redact
        self._permits = permits
        self._allowances = allowances
        self._dialer = dialer
        self._sessions = sessions
        self._connections = connections
        self._prices = prices
        self._grants = grants

    async def admit(
        self, guest: Guest, hand_over: Handoff, still: Callable[[Guest], Refused | None]
    ) -> bool | Refused:
        """Take what a session needs, and start it. False if the client left meanwhile.

        *still* says, when all is there, why the guest may not come in after all.
        """
        if not self._connections.enter_address(guest.address):
            return Refused(
                Refusal.RELAY_FULL, "This address holds as many connections as it may.", retry_after=5.0
            )
        live = False
        permit: Permit | Refused | None = None
        used: Refused | bool = False
        dialed: Dialed | Refused | None = None
        self._sessions.expect()
        try:
            session = SessionId("sess_" + drawn())
            used = await self._use(guest)  # first: a secret that is used up costs its tenant nothing
            if isinstance(used, Refused):
                return used
            permit = await self._permit(guest, session)
            if isinstance(permit, Refused):
                return permit
            dialed = await self._dialer.dial(guest)
            if isinstance(dialed, Refused):
                return guest.told(dialed)
            refused = still(guest)  # much may have changed while it was dialed for
            if refused is not None:
                return refused
            live = self._open(guest, permit, dialed, hand_over)
            return live
        finally:
            self._sessions.expected()
            if not live:
                self._connections.leave_address(guest.address)
                if isinstance(dialed, Dialed):
                    dialed.let_go()
                await asyncio.shield(self._give_back(permit, guest, used=used is True))

    async def _use(self, guest: Guest) -> bool | Refused:
        """Count a use of the guest's client secret, if it has one; or say why it may not be used."""
        if guest.grant is None:
            return False
        return await self._grants.enter(guest.grant) or True

    async def _give_back(self, permit: Permit | Refused | None, guest: Guest, *, used: bool) -> None:
        if isinstance(permit, Permit):
            await self._permits.give_back(permit)
        if used and guest.grant is not None:
            await self._grants.leave(guest.grant)

    async def _permit(self, guest: Guest, session: SessionId) -> Permit | Refused:
        """Take a permit; where its name is taken, see whether the holder is still there."""
        name = guest.hello.name
        answer = await self._permits.take(guest.tenant, session, name)
        if name is None or isinstance(answer, Permit) or answer.refusal is not Refusal.SESSION_CONFLICT:
            return answer
        holder = await self._holder(guest.tenant, name)
        if holder is not None and holder.pipe is not None:
            if await holder.pipe.answers(PROBE_WITHIN):
                return answer
            if holder.pipe is not None:
                holder.pipe.end(Reason.REPLACED)
            await self._permits.give_back(holder.terms.permit)
        return await self._permits.take(guest.tenant, session, name)

    async def _holder(self, tenant: Tenant, name: SessionName) -> Live | None:
        session = await self._permits.holder(tenant.id, name)
        return self._sessions.find(session) if session is not None else None

    def _open(self, guest: Guest, permit: Permit, dialed: Dialed, hand_over: Handoff) -> bool:
        """Hand the socket over and start relaying. False if the client has left."""
        epoch = clock.epoch()
        live, pipe_to = self._session(guest, permit, dialed, epoch)
        plan = guest.tenant.plan
        client = Leg(Side.CLIENT, plan.message_bytes, Deaf())
        headers = [("X-Relay-Session-Id", live.id), ("X-Relay-Region", live.region)]
        if guest.hello.echo is not None:
            headers.append(("Sec-WebSocket-Protocol", guest.hello.echo))
        if not hand_over(client, headers, int(min(plan.message_bytes, LARGEST_FRAME))):
            return False
        self._sessions.enter(live)
        live.pipe = pipe_to(client)
        live.pipe.start(dialed.early)
        return True

    def _session(
        self, guest: Guest, permit: Permit, dialed: Dialed, epoch: UnixSeconds
    ) -> tuple[Live, "partial[Pipe]"]:
        tenant, route = guest.tenant, dialed.route
        upstream = route.upstream
        allowance, turns = self._allowances.of(tenant), Turns()
        client, served = guest.dialect(), by_upstream(upstream.dialect)
        uplink = Uplink(
            plan=tenant.plan,
            rules=guest.rules(route),
            allowance=allowance,
            turns=turns,
            session=permit.session,
            epoch=epoch,
            client=client,
            upstream=served,
        )
        downlink = Downlink(
            asked=guest.hello.model,
            served=route.served,
            model=route.model,
            names={called: model for model, called in upstream.models.items()},
            allowance=allowance,
            turns=turns,
            prices=self._prices,
            price_factor=upstream.price_factor,
            redact=self.redact,
            set_input_format=uplink.set_format,
            epoch=epoch,
            client=client,
            upstream=served,
            hides_instructions=guest.hides_instructions,
        )
        session = Session(
            plan=tenant.plan,
            uplink=uplink,
            downlink=downlink,
            event_id=uplink.event_id,
            now=clock.monotonic(),
            redact=self.redact,
        )
        terms = Terms(
            tenant=tenant,
            key_id=guest.key_id,
            model=route.model,
            region=upstream.region,
            address=guest.address,
            endpoint=dialed.endpoint,
            permit=permit,
            latency=guest.hello.latency,
            speech=guest.hello.speech,
        )
        live = Live(self._sessions, terms, session, uplink, downlink, epoch)
        return live, partial(Pipe, session, upstream=dialed.leg, witness=live)
