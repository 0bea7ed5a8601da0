"""What `relay.voice.wav` reads, exactly, and what it refuses, with the line that helps."""

import struct
from pathlib import Path

import pytest

from relay.voice import pcm, wav

SOUND = bytes(range(256)) * 4


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        name + struct.pack("<I", len(data)) + data + (b"\0" if len(data) % 2 else b"") for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def fmt(
    tag: int = 1, channels: int = 1, rate: int = 24_000, bits: int = 16, more: bytes = b""
) -> tuple[bytes, bytes]:
    align = channels * bits // 8
    return b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * align, align, bits) + more


def refusal(data: bytes) -> str:
    with pytest.raises(wav.UnusableWavError) as caught:
        wav.parse(data, "x.wav")
    return str(caught.value)


def test_the_right_form_is_taken_byte_for_byte() -> None:
    assert wav.parse(riff(fmt(), (b"data", SOUND)), "x.wav") == SOUND


def test_chunks_that_are_no_sound_are_passed_over() -> None:
    assert wav.parse(riff((b"LIST", b"odd"), fmt(), (b"fact", b"1234"), (b"data", SOUND)), "x.wav") == SOUND


def test_a_file_written_into_a_pipe_is_read_to_its_end() -> None:
    data = riff(fmt(), (b"data", b""))[:-4] + struct.pack("<I", 0xFFFFFFFF) + SOUND
    assert wav.parse(data, "x.wav") == SOUND


def test_the_extensible_form_is_read_where_it_holds_pcm() -> None:
    guid = struct.pack("<HHIH", 22, 16, 4, 1) + b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
    assert wav.parse(riff(fmt(0xFFFE, more=guid), (b"data", SOUND)), "x.wav") == SOUND


def test_other_rates_and_channels_are_converted() -> None:
    stereo = struct.pack("<8h", 100, 300, 300, 500, -100, -300, -300, -500)
    made = wav.parse(riff(fmt(channels=2, rate=48_000), (b"data", stereo)), "x.wav")
    assert list(pcm.samples(made)) == [300, -300]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    wav.write(tmp_path / "x.wav", SOUND)
    assert wav.read(tmp_path / "x.wav") == SOUND


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "x.wav is no WAV file."),
        (b"ID3\x04" + bytes(40), "x.wav is no WAV file."),
        (riff(fmt(3, bits=32), (b"data", SOUND)), "x.wav holds 32-bit floating point, not 16-bit PCM."),
        (riff(fmt(7, bits=8), (b"data", SOUND)), "x.wav holds 8-bit mu-law, not 16-bit PCM."),
        (riff(fmt(bits=24), (b"data", SOUND)), "x.wav holds 24-bit PCM, not 16-bit PCM."),
        (riff(fmt(0x9999), (b"data", SOUND)), "x.wav holds 16-bit encoding 0x9999, not 16-bit PCM."),
        (riff(fmt(rate=0), (b"data", SOUND)), "x.wav claims 1 channels at 0 Hz."),
        (riff(fmt(channels=0), (b"data", SOUND)), "x.wav claims 0 channels at 24000 Hz."),
        (riff((b"fmt ", b"short"), (b"data", SOUND)), "x.wav is broken: its format is cut short."),
        (riff(fmt()), "x.wav is broken: it lacks a format or the sound."),
        (riff((b"data", SOUND)), "x.wav is broken: it lacks a format or the sound."),
    ],
)
def test_what_is_not_sixteen_bit_pcm_is_refused_with_the_line_that_converts_it(data: bytes, says: str) -> None:
    message = refusal(data)
    assert message.startswith(says)
    assert "ffmpeg -i x.wav -ar 24000 -ac 1 -c:a pcm_s16le speech.wav" in message
    assert "sox x.wav -r 24000 -c 1 -b 16 speech.wav" in message


def test_a_file_without_a_sample_is_refused() -> None:
    assert refusal(riff(fmt(), (b"data", b"\x01"))) == "x.wav holds no sound at all."


def test_a_recording_of_an_hour_is_no_turn() -> None:
    data = riff(fmt(rate=4_000), (b"data", bytes(4_000 * 2 * 601)))
    assert refusal(data) == "x.wav lasts 601 s; a turn lasts 600 s at most: cut it."


def test_every_cut_of_a_file_is_read_or_refused_and_raises_nothing_else() -> None:
    whole = riff(fmt(), (b"LIST", b"abc"), (b"data", SOUND))
    for end in range(len(whole)):
        try:
            assert SOUND.startswith(wav.parse(whole[:end], "x.wav"))
        except wav.UnusableWavError:
            continue


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    huge = tmp_path / "huge.wav"
    with huge.open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(wav.UnusableWavError, match="larger than 256 MiB"):
        wav.read(huge)
