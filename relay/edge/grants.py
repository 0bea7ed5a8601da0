"""Client secrets from grant to text and back: sealed whole where they fit, with their session stored where not.

    issue:  Grant -> text                        (its session is kept, if the text would be too long)
    redeem: text -> Grant, its session in it -> enter: one use -> … -> leave, if no session came about

Rule: a store is asked only for what cannot travel: a session too large, a count of uses. Any other secret opens
on any relay that has the key, with nothing asked of anyone.
"""

import msgspec

from relay.core.client_secrets import Grant
from relay.core.refusals import Refusal, Refused
from relay.core.words import UnixSeconds
from relay.edge.sealing import LONGEST, Sealer
from relay.ports import Secrets

_session: msgspec.json.Decoder[dict[str, object]] = msgspec.json.Decoder(dict[str, object])


class Grants:
    """Issues client secrets, and takes them."""

    def __init__(self, sealer: Sealer, secrets: Secrets) -> None:
        self.sealer = sealer
        """Replaced when the configuration is read again."""
        self._secrets = secrets

    async def issue(self, grant: Grant) -> str | Refused:
        """Return the secret that grants *grant*, or why there is no room for its session."""
        text = self.sealer.seal(grant)
        if len(text) <= LONGEST or grant.session is None:
            return text
        session = self.sealer.seal_session(grant.id, msgspec.json.encode(grant.session))
        refused = await self._secrets.keep(grant.id, grant.tenant, session, grant.expires_at)
        if refused is not None:
            return refused
        return self.sealer.seal(msgspec.structs.replace(grant, session=None, stored=True))

    async def redeem(self, text: str, now: UnixSeconds) -> Grant | Refused:
        """Return what *text* grants, its session in place, or `INVALID_KEY`. Counts no use.

        Whether its key still is the tenant's, and its origin the request's, is for the caller to ask.
        """
        grant = self.sealer.open(text, now)
        if isinstance(grant, Refused) or not grant.stored:
            return grant
        sealed = await self._secrets.find(grant.id)
        if isinstance(sealed, Refused):
            return sealed
        session = None if sealed is None else self.sealer.open_session(grant.id, sealed)
        if session is None:
            return Refused(
                Refusal.INVALID_KEY,
                "The session of this client secret is no longer kept: the relay that kept it was started "
                "again. Mint a new one.",
            )
        return msgspec.structs.replace(grant, session=_session.decode(session), stored=False)

    async def enter(self, grant: Grant) -> Refused | None:
        """Count one use of *grant*, or say that it was used as often as it may be."""
        if grant.max_uses is None:
            return None
        return await self._secrets.use(grant.id, grant.tenant, grant.max_uses, grant.expires_at)

    async def leave(self, grant: Grant) -> None:
        """Take the use back: no session came about."""
        if grant.max_uses is not None:
            await self._secrets.unuse(grant.id)
