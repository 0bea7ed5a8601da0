import random
import re

from relay.simulator.ids import Ids


def test_names_have_the_form_of_the_real_ones() -> None:
    ids = Ids(random.Random(1))
    assert re.fullmatch(r"item_[A-Za-z0-9]{21}", ids.new("item"))
    assert re.fullmatch(r"call_[A-Za-z0-9]{16}", ids.call())
    assert 4 <= len(ids.noise()) <= 16


def test_no_name_comes_twice() -> None:
    ids = Ids(random.Random(1))
    assert len({ids.new("event") for _ in range(10_000)}) == 10_000
