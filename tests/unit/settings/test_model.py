"""A reading of the configuration cannot be changed, and does not show its secrets."""

import pytest

from relay.core.tenants import Catalog
from relay.core.words import Secret
from relay.settings import Listen, Ops, Settings, Store

CATALOG = Catalog.of((), (), {}, {})


@pytest.mark.parametrize("value", [Listen(), Ops(), Store(), Settings(name="f.toml", catalog=CATALOG)])
def test_nothing_can_be_changed(value: object) -> None:
    with pytest.raises(AttributeError):
        setattr(value, "host", "x")  # noqa: B010 - every one of these types refuses it


def test_the_operator_s_port_is_not_for_everyone_unless_told() -> None:
    assert Ops().host == "127.0.0.1"
    assert Ops().port != Listen().port


def test_secrets_are_not_shown() -> None:
    settings = Settings(
        name="f.toml",
        ops=Ops(token=Secret("hush")),
        store=Store(url=Secret("redis://:hush@cache")),
        sealing_key=Secret("hush"),
        retired_sealing_keys=(Secret("hush"),),
        catalog=CATALOG,
    )
    assert "hush" not in repr(settings)
