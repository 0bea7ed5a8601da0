"""What `relay.voice.pcm` promises: lengths to the sample, and sound that stays itself."""

import math
from array import array

from hypothesis import given
from hypothesis import strategies as st

from relay.voice import pcm

LEVELS = st.integers(pcm.QUIETEST, pcm.LOUDEST)


def tone(hertz: float, rate: int, seconds: float = 0.2, level: int = 10_000) -> "array[int]":
    return array(
        "h", (round(level * math.sin(2 * math.pi * hertz * n / rate)) for n in range(round(seconds * rate)))
    )


def loudness(numbers: "array[int]") -> float:
    return math.sqrt(sum(n * n for n in numbers) / len(numbers))


def test_a_second_is_forty_eight_thousand_bytes() -> None:
    assert pcm.seconds(bytes(48_000)) == 1.0
    assert len(pcm.silence(0.5)) == 24_000


@given(st.lists(LEVELS))
def test_samples_come_back_as_they_were(levels: list[int]) -> None:
    numbers = array("h", levels)
    assert pcm.samples(pcm.from_samples(numbers)) == numbers


def test_samples_are_little_endian() -> None:
    assert list(pcm.samples(b"\x01\x00\xff\xff\x00\x80")) == [1, -1, -32_768]


def test_half_a_sample_is_none() -> None:
    assert list(pcm.samples(b"\x01\x00\x02")) == [1]


def test_stereo_becomes_the_mean_of_both_sides() -> None:
    assert list(pcm.mono(array("h", [100, 200, -32_768, -32_768, 32_767, 32_767, 5]), 2)) == [
        150,
        -32_768,
        32_767,
    ]


def test_the_right_rate_is_left_alone() -> None:
    numbers = array("h", [1, 2, 3])
    assert pcm.resampled(numbers, pcm.RATE) is numbers


def test_going_up_draws_a_line_between_neighbours() -> None:
    assert list(pcm.resampled(array("h", [0, 300, -300]), 8_000)) == [
        0,
        100,
        200,
        300,
        100,
        -100,
        -300,
        -300,
        -300,
    ]


def test_going_down_takes_the_mean_of_what_it_replaces() -> None:
    assert list(pcm.resampled(array("h", [100, 300, -100, -300, 7]), 48_000)) == [200, -200]


@given(st.lists(LEVELS, min_size=1, max_size=400), st.integers(4_000, 192_000))
def test_resampling_keeps_the_length_and_adds_no_loudness(levels: list[int], rate: int) -> None:
    made = pcm.resampled(array("h", levels), rate)
    assert len(made) == len(levels) * pcm.RATE // rate
    assert all(min(levels) <= level <= max(levels) for level in made)


def test_a_tone_stays_the_same_tone_at_every_usual_rate() -> None:
    for rate in (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000):
        made = pcm.resampled(tone(440, rate), rate)
        wanted = tone(440, pcm.RATE)[: len(made)]
        error = array("h", (a - b for a, b in zip(made, wanted, strict=True)))
        assert loudness(error) < 0.06 * loudness(wanted), rate


def test_what_is_too_high_to_be_kept_is_dampened() -> None:
    assert loudness(pcm.resampled(tone(20_000, 48_000), 48_000)) < 0.3 * loudness(tone(20_000, 48_000))


def test_the_end_of_sound_is_told_to_ten_milliseconds() -> None:
    speech = pcm.silence(0.3) + pcm.from_samples(tone(440, pcm.RATE, 0.5)) + pcm.silence(0.4)
    assert abs(pcm.end_of_sound(speech) - 0.8) <= 0.01


def test_noise_under_the_threshold_is_no_sound() -> None:
    assert pcm.end_of_sound(pcm.from_samples(tone(440, pcm.RATE, level=300))) == 0.0
    assert pcm.end_of_sound(b"") == 0.0
