"""What a call looks like on a terminal, written into a string."""

import io

from rich.console import Console

from relay.voice import terminal
from relay.voice.events import Session
from relay.voice.failures import Failure, Kind
from relay.voice.outcome import Begun, Connected, Outcome, Replied, Sight, Speaking
from relay.voice.turn import Heard, Interrupted, Noticed, Reply, Said, Sounded


def reply(**fields: object) -> Reply:
    given = {
        "heard": "",
        "said": "",
        "sound": b"",
        "end_of_speech": 1.0,
        "first_token": 1.2,
        "first_audio": None,
    }
    return Reply(**{**given, "complete": 2.5, "tokens": None, **fields})  # type: ignore[arg-type]


def screen(width: int = 100) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, width=width, force_terminal=False), text


def shown(*sights: Sight) -> str:
    console, text = screen()
    with terminal.Terminal(console) as show:
        for sight in sights:
            show(sight)
    return text.getvalue()


def test_both_sides_are_shown() -> None:
    text = shown(
        Connected(0.1, None, None),
        Begun(0.2, Session("sess_1", "m")),
        Speaking(3.0, 3.0),
        Noticed(),
        Heard("Hello there"),
        Said("Hi!"),
        Sounded(bytes(96_000)),
        Replied(reply()),
    )
    assert "session sess_1 m" in text
    assert "3.0 s" in text
    assert "Hello there" in text
    assert "Hi!" in text
    assert "2.0 s of sound" in text


def test_a_relay_that_names_itself_is_shown() -> None:
    assert "relayed ses_1 eu" in shown(Connected(0.1, "ses_1", "eu"))
    assert "relayed" not in shown(Connected(0.1, None, None))


def test_a_void_answer_is_taken_back() -> None:
    text = shown(Said("Nonsense"), Sounded(bytes(48_000)), Interrupted(), Said("Sense"), Replied(reply()))
    assert "Sense" in text
    assert "Nonsense" not in text
    assert "of sound" not in text


def test_a_turn_that_was_cut_off_is_shown_as_far_as_it_came() -> None:
    assert "half a w" in shown(Said("half a w"))


def test_a_server_cannot_drive_the_terminal() -> None:
    text = shown(Said("\x1b[2J[bold]x[/bold]\x07"), Replied(reply()))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[bold]x[/bold]" in text


def table(*replies: Reply) -> list[list[str]]:
    console, text = screen()
    console.print(
        terminal.timings(
            Outcome(
                url="ws://h/",
                connected=Connected(0.012, None, None),
                begun=Begun(0.02, Session()),
                replies=replies,
                failure=None,
            )
        )
    )
    return [line.split() for line in text.getvalue().splitlines()]


def test_timings_count_from_dialing_and_from_the_end_of_speech() -> None:
    rows = table(reply())
    assert ["connect", "(101)", "12"] in rows
    assert ["session", "(session.created)", "20"] in rows
    assert ["end", "of", "speech", "1,000", "0"] in rows
    assert ["first", "token", "1,200", "200"] in rows
    assert ["first", "audio", "-", "-"] in rows
    assert ["turn", "complete", "2,500", "1,500"] in rows


def test_several_turns_are_told_apart() -> None:
    rows = table(reply(), reply(complete=3.0))
    assert ["turn", "2:", "turn", "complete", "3,000", "2,000"] in rows


def test_a_failure_shows_its_facts_and_what_to_do() -> None:
    console, text = screen()
    failure = Failure(kind=Kind.REFUSED, message="No [red].", advice="Do this.", http_status=401, code="c")
    console.print(terminal.failed(failure))
    assert text.getvalue().splitlines() == ["No [red].", "status 401  code c", "Do this."]
