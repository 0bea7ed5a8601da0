import pytest

from relay.simulator.g711 import A_LAW, MU_LAW, Law, decode, encode

EVERY_CODE = bytes(range(256))


@pytest.mark.parametrize(
    ("law", "code", "sample"),
    [
        # The ends and the middle of the decoding tables of ITU-T G.711.
        (MU_LAW, 0x00, -32124),
        (MU_LAW, 0x80, 32124),
        (MU_LAW, 0xFF, 0),
        (MU_LAW, 0xFE, 8),
        (A_LAW, 0x2A, -32256),
        (A_LAW, 0xAA, 32256),
        (A_LAW, 0xD5, 8),
        (A_LAW, 0x55, -8),
    ],
)
def test_codes_mean_what_the_recommendation_says(law: Law, code: int, sample: int) -> None:
    assert decode(bytes([code]), law)[0] == sample


def test_what_is_decoded_and_encoded_again_is_unchanged() -> None:
    assert encode(decode(EVERY_CODE, A_LAW), A_LAW) == EVERY_CODE
    # Mu-law has two zeros: the negative one comes back as the positive one.
    assert encode(decode(EVERY_CODE, MU_LAW), MU_LAW) == EVERY_CODE.replace(b"\x7f", b"\xff")


@pytest.mark.parametrize("law", [MU_LAW, A_LAW])
def test_every_sample_gets_the_code_of_its_nearest_neighbour(law: Law) -> None:
    known = sorted(law.linear)
    for sample in range(-32768, 32768, 97):
        [again] = decode(bytes([law.codes[sample & 0xFFFF]]), law)
        assert abs(again - sample) == min(abs(value - sample) for value in known)
