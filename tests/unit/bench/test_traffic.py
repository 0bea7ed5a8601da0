import pytest

from relay.bench import traffic as traffic_module
from relay.bench.legs import Leg, Pair, ignore
from relay.bench.messages import Direction, Messages
from relay.bench.traffic import Lane, Traffic, lanes_of, release

UP = Messages(Direction.UP, 200)


class Recorder(Leg):
    def __init__(self) -> None:
        super().__init__(ignore)
        self.sent: list[bytes] = []

    def send(self, message: bytes) -> None:
        self.sent.append(message)


def lane(traffic: Traffic) -> tuple[Lane, Recorder]:
    client = Recorder()
    return Lane(Pair(3, client, Recorder()), Direction.UP, UP, traffic), client


async def test_what_arrives_as_it_left_is_good() -> None:
    traffic = Traffic()
    up, client = lane(traffic)
    up.send()
    up.send()
    for message in client.sent:
        up.arrived(message)
    await traffic.drained()
    assert (traffic.sent, traffic.received, traffic.bad) == (2, 2, 0)


async def test_a_beta_client_is_due_the_names_that_it_knows() -> None:
    beta, ga = (Messages(Direction.DOWN, 200, beta=beta).build(3, 0) for beta in (True, False))
    for came, bad in ((beta, 0), (ga, 1)):
        traffic = Traffic()
        upstream = Recorder()
        (down,) = lanes_of([Pair(3, Recorder(), upstream, beta=True)], Direction.DOWN, 200, traffic)
        down.send()
        assert upstream.sent == [ga]
        down.arrived(came)
        assert traffic.bad == bad


async def test_a_byte_changed_is_bad() -> None:
    traffic = Traffic()
    up, client = lane(traffic)
    up.send()
    changed = bytearray(client.sent[0])
    changed[150] ^= 1
    up.arrived(bytes(changed))
    assert traffic.bad == 1


async def test_messages_out_of_order_are_bad() -> None:
    traffic = Traffic()
    up, client = lane(traffic)
    up.send()
    up.send()
    up.arrived(client.sent[1])
    up.arrived(client.sent[0])
    assert traffic.bad == 2


async def test_a_message_of_another_session_is_bad() -> None:
    traffic = Traffic()
    up, _ = lane(traffic)
    up.send()
    up.arrived(UP.build(session=4, number=0))
    assert traffic.bad == 1


async def test_a_message_that_never_comes_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic_module, "DRAIN_SECONDS", 0.01)
    traffic = Traffic()
    up, client = lane(traffic)
    up.send()
    up.send()
    up.arrived(client.sent[0])
    await traffic.drained()
    assert (traffic.received, traffic.bad) == (1, 1)


async def test_a_loop_keeps_one_message_in_flight_until_it_is_told_to_end() -> None:
    traffic = Traffic()
    up, client = lane(traffic)
    up.send()
    up.arrived_in_loop(client.sent[0])
    assert len(client.sent) == 2
    traffic.again = False
    up.arrived_in_loop(client.sent[1])
    assert len(client.sent) == 2
    await traffic.drained()
    assert traffic.bad == 0


async def test_latency_is_counted_from_the_call_that_sent_the_message() -> None:
    traffic = Traffic()
    up, client = lane(traffic)
    up.send_timed()
    up.send_timed()
    for message in client.sent:
        up.arrived_timed(message)
    first, second = traffic.latencies_ns
    assert first > 0
    assert second > 0


async def test_a_released_session_is_nobodys() -> None:
    up, _ = lane(Traffic())
    up.sink.inlet = up.arrived
    release([up])
    assert up.sink.inlet is ignore
