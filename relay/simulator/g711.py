"""G.711, the telephone's code: eight bits a sample, in the mu-law and the A-law form.

The rule: the tables are computed from the recommendation's formulas at import, and what is decoded
and encoded again is unchanged (but mu-law's negative zero, which becomes the positive one).
"""

from array import array
from bisect import bisect_right
from itertools import pairwise
from typing import Final, NamedTuple

MU_BIAS: Final = 0x84
"""Added before the segment is sought (ITU-T G.711, table 2a, scaled to 16 bits)."""
SEGMENTS: Final = 8


class Law(NamedTuple):
    """One form of the code, as two tables."""

    linear: "array[int]"
    """256 samples, indexed by code."""
    codes: bytes
    """65,536 codes, indexed by the sample taken as an unsigned number."""


def _mu_law_sample(code: int) -> int:
    flipped = ~code & 0xFF
    segment = flipped >> 4 & 7
    size = (((flipped & 0x0F) << 3) + MU_BIAS << segment) - MU_BIAS
    return -size if flipped & 0x80 else size


def _a_law_sample(code: int) -> int:
    flipped = code ^ 0x55
    segment = flipped >> 4 & 7
    size = ((flipped & 0x0F) << 4) + 8
    if segment:
        size = size + 0x100 << segment - 1
    return size if flipped & 0x80 else -size


def _law(linear: list[int]) -> Law:
    """Build both tables from the decoding one: a sample's code is the nearest sample's code."""
    # Codes in order of their sample; of mu-law's two zeros the positive (0xFF) wins by coming last.
    ordered = sorted(range(256), key=lambda code: (linear[code], code))
    values = [linear[code] for code in ordered]
    borders = [(low + high) / 2 for low, high in pairwise(values)]
    codes = bytearray(65536)
    for sample in range(-32768, 32768):
        codes[sample & 0xFFFF] = ordered[bisect_right(borders, sample)]
    return Law(array("h", linear), bytes(codes))


MU_LAW: Final = _law([_mu_law_sample(code) for code in range(256)])
A_LAW: Final = _law([_a_law_sample(code) for code in range(256)])


def decode(data: bytes, law: Law) -> "array[int]":
    """Return one 16 bit sample for each byte of *data*."""
    return array("h", map(law.linear.__getitem__, data))


def encode(linear: "array[int]", law: Law) -> bytes:
    """Return one byte for each sample."""
    codes = law.codes
    return bytes([codes[sample & 0xFFFF] for sample in linear])
