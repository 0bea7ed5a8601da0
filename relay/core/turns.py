"""Responses from asking to done: who asked, when, and what of it is timed.

Rule: what is kept per response is bounded, however many a session has open.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from relay.core.actions import Moment
from relay.core.words import Seconds

MAX_OPEN: Final = 64
"""Responses timed at once: one in the conversation, and out-of-band ones beside it. Older ones go untimed."""
CREATED_WITHIN: Final[Seconds] = 60.0
"""A response that was asked for begins within a second, or after a stall; later ones were voice activity's."""


class _Open:
    __slots__ = ("asked_at", "audio_seen", "token_seen")

    def __init__(self, asked_at: Seconds) -> None:
        self.asked_at = asked_at
        self.token_seen = False
        self.audio_seen = False


class Turns:
    """The responses of one session."""

    __slots__ = ("_asked", "_open", "_untimed", "refused")

    def __init__(self) -> None:
        self._asked: list[Seconds] = []
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._untimed = 0
        self.refused: dict[str, Mapping[str, Any]] = {}
        """Responses that voice activity began and the plan did not allow: id -> the error they end with."""

    def asked(self, now: Seconds) -> None:
        """The client asked for a response, and was let."""
        if len(self._asked) < MAX_OPEN:
            self._asked.append(now)

    def unasked(self) -> None:
        """The upstream did not start one that was asked for."""
        if self._asked:
            self._asked.pop(0)

    def created(self, response_id: str, now: Seconds) -> bool:
        """A response began. Tell whether the client had asked for it; if not, voice activity did."""
        self._forget(response_id)
        while self._asked and now - self._asked[0] > CREATED_WITHIN:
            self._asked.pop(0)  # it came to nothing, and no error said so
        was_asked = bool(self._asked)
        self._open[response_id] = _Open(self._asked.pop(0) if was_asked else now)
        self._untimed += 1
        if len(self._open) > MAX_OPEN:
            self._forget(next(iter(self._open)))
        return was_asked

    def refuse(self, response_id: str, error: Mapping[str, Any]) -> None:
        """The plan does not allow this one: it is being cancelled, and will end with *error*."""
        if len(self.refused) < MAX_OPEN:
            self.refused[response_id] = error

    def done(self, response_id: str) -> Mapping[str, Any] | None:
        """A response ended. Return the error that it is to end with, if it was refused."""
        self._forget(response_id)
        return self.refused.pop(response_id, None)

    @property
    def timing(self) -> bool:
        """Whether any open response still has a first delta to come: false for nearly every delta."""
        return self._untimed > 0

    def delta(self, moment: Moment, now: Seconds) -> list[tuple[Moment, Seconds]]:
        """A delta came; of which response is told deep inside it, so the oldest still waiting is meant."""
        for response in self._open.values():
            if moment is Moment.FIRST_AUDIO and not response.audio_seen:
                seen = [(Moment.FIRST_AUDIO, now - response.asked_at)]
                if not response.token_seen:
                    seen.insert(0, (Moment.FIRST_TOKEN, now - response.asked_at))
                response.audio_seen = response.token_seen = True
                self._untimed -= 1
                return seen
            if moment is Moment.FIRST_TOKEN and not response.token_seen:
                response.token_seen = True
                return [(Moment.FIRST_TOKEN, now - response.asked_at)]
        return []

    def _forget(self, response_id: str) -> None:
        response = self._open.pop(response_id, None)
        if response is not None and not response.audio_seen:
            self._untimed -= 1
