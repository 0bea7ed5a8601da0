"""The price table that comes with the package: `prices.toml`, dated and sourced line by line.

Rule: a price is data. To change one, change the file, its source and its date.
"""

import tomllib
from importlib import resources

import msgspec

from relay.core.usage import Price, PriceTable


def packaged() -> PriceTable:
    """Read the table."""
    text = resources.files("relay.edge").joinpath("prices.toml").read_text(encoding="utf-8")
    models = msgspec.convert(tomllib.loads(text)["models"], dict[str, Price], strict=False)
    return PriceTable(models)
