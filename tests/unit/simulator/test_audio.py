from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.simulator.audio import Encoding, encode, samples, tone, transcode

EVERY = list(Encoding)


@pytest.mark.parametrize("encoding", EVERY)
def test_a_second_of_tone_is_a_second(encoding: Encoding) -> None:
    assert encoding.seconds(len(tone(1000, encoding))) == 1.0
    assert encoding.size(1000) == encoding.bytes_per_second


@pytest.mark.parametrize("encoding", EVERY)
def test_a_format_is_found_by_what_it_declares(encoding: Encoding) -> None:
    assert Encoding.of(encoding.declared()) is encoding


@given(st.binary(max_size=400))
def test_the_same_format_is_the_same_bytes(data: bytes) -> None:
    for encoding in EVERY:
        assert transcode(data, encoding, encoding) is data


@pytest.mark.parametrize("source", EVERY)
@pytest.mark.parametrize("target", EVERY)
def test_the_way_there_and_back_keeps_length_and_loudness(source: Encoding, target: Encoding) -> None:
    original = tone(300, source)
    there = transcode(original, source, target)
    assert target.seconds(len(there)) == pytest.approx(0.3)
    back = samples(transcode(there, target, source), source)
    before = samples(original, source)
    assert len(back) == len(before)
    loud = [sum(map(abs, wave)) / len(wave) for wave in (before, back)]
    assert loud[1] == pytest.approx(loud[0], rel=0.05)


def test_an_odd_last_byte_is_left_out() -> None:
    assert samples(b"\x01\x00\x02", Encoding.PCM) == array("h", [1])


def test_pcm_is_little_endian() -> None:
    assert encode(array("h", [1, -2]), Encoding.PCM) == b"\x01\x00\xfe\xff"
