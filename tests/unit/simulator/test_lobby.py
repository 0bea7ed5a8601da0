from relay.simulator.admission import Secret
from relay.simulator.lobby import MAX_SECRETS, Lobby
from relay.simulator.settings import SimulatorSettings


def lobby() -> Lobby:
    return Lobby(SimulatorSettings.instant(kept_sessions=3), wall=lambda: 5.0)


def test_every_session_has_a_record_and_dice_of_its_own() -> None:
    shared = lobby()
    (first, dice), (second, other) = shared.register(), shared.register()
    assert (first.number, second.number, first.started) == (1, 2, 5.0)
    assert dice.random() != other.random()


def test_the_oldest_records_and_secrets_go_first() -> None:
    shared = lobby()
    for _ in range(5):
        shared.register()
    assert [record.number for record in shared.records] == [3, 4, 5]
    for number in range(MAX_SECRETS + 1):
        shared.keep_secret(f"ek_{number}", Secret(0, {}))
    assert len(shared.secrets) == MAX_SECRETS
    assert "ek_0" not in shared.secrets
