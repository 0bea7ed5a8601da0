"""The JSON of an outcome: what programs may rely on."""

import json

from relay.voice.events import Session, Tokens
from relay.voice.failures import Failure, Kind
from relay.voice.outcome import Begun, Connected, Outcome
from relay.voice.report import as_json
from relay.voice.turn import Reply

REPLY = Reply(
    heard="Hello",
    said="Hi",
    sound=bytes(48_000),
    end_of_speech=1.0,
    first_token=1.25,
    first_audio=None,
    complete=2.0,
    tokens=Tokens(3, 1, 2),
)


def test_an_outcome_tells_durations_in_milliseconds() -> None:
    outcome = Outcome(
        url="ws://h/",
        connected=Connected(0.0123456, "ses_1", "eu"),
        begun=Begun(0.02, Session("sess_1", "m")),
        replies=(REPLY,),
        failure=None,
    )
    assert json.loads(as_json(outcome)) == {
        "ok": True,
        "url": "ws://h/",
        "session": "sess_1",
        "model": "m",
        "relay_session": "ses_1",
        "relay_region": "eu",
        "connect_ms": 12.3,
        "session_created_ms": 20.0,
        "turns": [
            {
                "heard": "Hello",
                "said": "Hi",
                "audio_seconds": 1.0,
                "end_of_speech_ms": 1000.0,
                "first_token_after_ms": 250.0,
                "first_audio_after_ms": None,
                "complete_after_ms": 1000.0,
                "tokens": {"total_tokens": 3, "input_tokens": 1, "output_tokens": 2},
            }
        ],
        "failure": None,
    }


def test_a_call_that_never_was_says_why() -> None:
    failure = Failure(kind=Kind.REFUSED, message="no", http_status=401)
    outcome = Outcome(url="ws://h/", connected=None, begun=None, replies=(), failure=failure)
    told = json.loads(as_json(outcome))
    assert (told["ok"], told["connect_ms"], told["turns"]) == (False, None, [])
    assert told["failure"] == {"kind": "refused", "message": "no", "http_status": 401}
