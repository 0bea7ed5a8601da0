import pytest

from relay.core.store_address import Address, parse
from relay.core.words import Secret


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://cache", Address(kind="server", hosts=(("cache", 6379),))),
        ("redis://cache:7000/3", Address(kind="server", hosts=(("cache", 7000),), db=3)),
        ("redis://[::1]:7000", Address(kind="server", hosts=(("::1", 7000),))),
        (
            "redis://relay:p%40ss@cache",
            Address(kind="server", hosts=(("cache", 6379),), user="relay", password=Secret("p@ss")),
        ),
        ("redis://:word@cache", Address(kind="server", hosts=(("cache", 6379),), password=Secret("word"))),
        (
            "rediss://cache/0?ca=/etc/ca.pem",
            Address(kind="server", hosts=(("cache", 6379),), tls=True, ca="/etc/ca.pem"),
        ),
        ("unix:///run/redis.sock", Address(kind="socket", path="/run/redis.sock")),
        (
            "unix://relay:word@/run/redis.sock?db=2",
            Address(kind="socket", path="/run/redis.sock", db=2, user="relay", password=Secret("word")),
        ),
        (
            "redis+sentinel://one,two:27000/relay/1",
            Address(kind="sentinel", hosts=(("one", 26379), ("two", 27000)), service="relay", db=1),
        ),
        (
            "rediss+sentinel://one/relay?sentinel_user=watch&sentinel_password=w%26rd",
            Address(
                kind="sentinel",
                hosts=(("one", 26379),),
                service="relay",
                tls=True,
                sentinel_user="watch",
                sentinel_password=Secret("w&rd"),
            ),
        ),
        ("redis+cluster://one,two:7001", Address(kind="cluster", hosts=(("one", 6379), ("two", 7001)))),
        ("rediss+cluster://one/", Address(kind="cluster", hosts=(("one", 6379),), tls=True)),
    ],
)
def test_every_kind_of_address_is_read(url: str, address: Address) -> None:
    assert parse(Secret(url)) == address


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://cache", "scheme"),
        ("cache:6379", "scheme"),
        ("redis://", "host:port"),
        ("redis://cache:port", "host:port"),
        ("redis://cache:70000", "host:port"),
        ("redis://ca che", "host:port"),
        ("redis://one,two", "redis+sentinel"),
        ("redis://cache/first", "number"),
        ("redis://cache?db=1", "'db'"),
        ("redis://cache?ca=/etc/ca.pem", "'ca'"),
        ("redis://cache?db", "no URL"),
        ("redis://[::1", "no URL"),
        ("unix://run/redis.sock", "slash"),
        ("unix://", "path"),
        ("unix:///run/redis.sock?db=x", "number"),
        ("redis+sentinel://one", "service"),
        ("redis+cluster://one/1", "one database"),
    ],
)
def test_what_is_wrong_with_an_address_is_told_without_its_password(url: str, says: str) -> None:
    scheme, _, rest = url.partition("://")
    with pytest.raises(ValueError, match=r"^[^\n]+$") as told:
        parse(Secret(f"{scheme}://relay:hunter2@{rest}" if rest and "[" not in rest else url))
    assert says in str(told.value)
    assert "hunter2" not in str(told.value)
