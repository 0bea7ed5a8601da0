"""The model that the simulation runs on answers as the real store does."""

import random

import msgspec
import pytest

from relay.core.leases import Asked
from relay.core.shares import Batch
from relay.edge.clock import monotonic
from relay.edge.store.allowances import EXCHANGE, read_told, words_of
from relay.edge.store.connection import Store
from relay.edge.store.scripts import key
from tests.kit.stores import Server
from tests.simulation.model import Model

LIMIT = 60.0
"""A minute: a millisecond on the way to the server makes no difference to it."""


class Batches:
    """Batches as they may come from three workers: new ones, repeated ones, looks."""

    def __init__(self, dice: random.Random) -> None:
        self.dice, self.number = dice, 0
        self.own = dict.fromkeys("abc", 0)
        self.last: dict[str, Batch] = {}

    def next(self, worker: str) -> Batch:
        dice, now = self.dice, monotonic()
        if worker in self.last and dice.random() < 0.2:
            return self.last[worker]
        self.number += 1
        tokens = dice.choice((0, 0, 3, 40))
        self.own[worker] += tokens
        known = dice.choice((0, sum(self.own.values())))
        batch = Batch(
            number=self.number if dice.random() < 0.8 else 0,
            day=20_000_000,  # far ahead: its sums do not expire
            own_tokens=self.own[worker],
            own_micro_usd=self.own[worker] * 7,
            known_tokens=known,
            known_micro_usd=known * 7,
            tokens=tokens,
            since=now - dice.choice((0.0, 0.2, 30.0)),
            responses=Asked(
                dice.choice((0, 1, 5)), now - dice.choice((0.0, 0.2, 30.0)), dice.choice((-1, 0, 1, 9))
            ),
            responses_per_minute=LIMIT,
            tokens_per_minute=LIMIT * 10,
            made_at=now,
            responses_room=dice.choice((LIMIT, 10.0, -5.0)),
            tokens_room=LIMIT * dice.choice((10, 1)),
            most_ahead=LIMIT * 1.25 + 4,
        )
        self.last[worker] = batch
        return batch


@pytest.mark.parametrize("seed", range(10))
async def test_the_model_answers_as_the_store(server: Server, store: Store, seed: int) -> None:
    dice = random.Random(seed)
    model, batches = Model(), Batches(dice)
    for _ in range(80):
        if dice.random() < 0.02:
            model.flush()
            server.flush()
        worker = dice.choice("abc")
        batch, now = batches.next(worker), monotonic()
        keys = [key("acme", "rate", "responses"), key("acme", "rate", "tokens")]
        keys += [key("acme", "spent", str(batch.day)), key("acme", "batch", worker)]
        answer = await store.run("allowances", EXCHANGE, keys, words_of(worker, batch, now))
        expected, real = model.exchange(worker, batch, now), read_told(answer, batch)
        assert real.responses_room == pytest.approx(expected.responses_room, abs=0.2)
        assert real.tokens_room == pytest.approx(expected.tokens_room, abs=2)
        assert msgspec.structs.replace(real, responses_room=0.0, tokens_room=0.0) == msgspec.structs.replace(
            expected, responses_room=0.0, tokens_room=0.0
        )
