"""The bundled sample is what it says: short speech in the right form, with silence round it."""

from importlib.resources import files

from relay.voice import pcm, sample


def test_the_sample_is_a_few_seconds_of_speech_with_silence_at_both_ends() -> None:
    speech = sample.speech()
    assert 2.5 < pcm.seconds(speech) < 4
    assert 0.2 < pcm.seconds(speech) - pcm.end_of_sound(speech) < 0.4
    assert max(map(abs, pcm.samples(speech[: round(0.2 * pcm.BYTES_PER_SECOND)]))) < pcm.AUDIBLE


def test_no_pause_in_the_sample_is_long_enough_to_end_a_turn() -> None:
    numbers = pcm.samples(sample.speech())
    step = pcm.RATE // 100
    loud = [max(map(abs, numbers[at : at + step])) >= pcm.AUDIBLE for at in range(0, len(numbers), step)]
    inner = "".join("x" if is_loud else "." for is_loud in loud).strip(".")
    assert max(len(pause) for pause in inner.split("x")) < 20  # the API's default is 200 ms


def test_the_sample_needs_no_conversion() -> None:
    data = (files("relay.voice") / "samples" / "hello.wav").read_bytes()
    assert data[44:] == sample.speech()


def test_the_sample_comes_with_its_words() -> None:
    assert sample.words() == "Hello there, can you hear me through the relay?"
