"""Microphone and loudspeaker against a sound card of our own."""

import asyncio
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, Self

import pytest

from relay.voice import soundcard
from relay.voice.failures import CallFailedError, Kind


class Card(ModuleType):
    """As much of `sounddevice` as is used."""

    class PortAudioError(Exception):
        pass

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.callback: Callable[[Any, int, object, object], None] | None = None
        self.broken = False
        self.open = False

    def RawInputStream(self, **settings: Any) -> "Card":  # noqa: N802 - the library's name
        if self.broken:
            raise self.PortAudioError("no device")
        assert (settings["samplerate"], settings["channels"], settings["dtype"]) == (24_000, 1, "int16")
        self.callback = settings["callback"]
        return self

    RawOutputStream = RawInputStream

    def __enter__(self) -> Self:
        self.open = True
        return self

    def __exit__(self, *_: object) -> None:
        self.open = False

    def call(self, data: bytes | bytearray) -> None:
        assert self.callback is not None
        self.callback(data, len(data) // 2, None, None)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    made = Card()
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


async def test_the_microphone_gives_what_it_hears_until_one_hangs_up(card: Card) -> None:
    hang_up = asyncio.Event()
    async with soundcard.microphone(hang_up) as sound:
        assert card.open
        card.call(b"ab")
        card.call(b"cd")
        assert await anext(sound) == b"ab"
        assert await anext(sound) == b"cd"
        hang_up.set()
        assert [piece async for piece in sound] == []
    assert not card.open


async def test_a_network_that_lags_loses_the_oldest_sound(card: Card) -> None:
    async with soundcard.microphone(asyncio.Event()) as sound:
        for number in range(60):
            card.call(bytes([number]))
        assert await anext(sound) == bytes([10])  # the last fifty pieces are two seconds


def test_the_loudspeaker_plays_in_order_and_then_silence(card: Card) -> None:
    with soundcard.loudspeaker() as speaker:
        speaker.play(b"abc")
        speaker.play(b"def")
        data = bytearray(b"xxxx")
        card.call(data)
        assert data == b"abcd"
        card.call(data)
        assert data == b"ef\0\0"


def test_a_loudspeaker_that_is_hushed_plays_no_more(card: Card) -> None:
    with soundcard.loudspeaker() as speaker:
        speaker.play(b"abc")
        speaker.hush()
        data = bytearray(b"xxxx")
        card.call(data)
        assert data == bytes(4)


def test_without_the_library_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(CallFailedError) as caught, soundcard.loudspeaker():
        pass
    assert caught.value.failure.kind is Kind.MICROPHONE
    assert caught.value.failure.advice == "It comes with: pip install sounddevice"


def test_a_machine_without_a_device_says_so(card: Card) -> None:
    card.broken = True
    with pytest.raises(CallFailedError, match="cannot be used: no device"), soundcard.loudspeaker():
        pass
