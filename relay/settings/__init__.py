"""The configuration: one TOML file and the environment, read into frozen values.

    loading   text -> Settings, or every problem       schema     every key, a row each
    tables    the walk of a file along the schema      forms, addresses, sources   single values
    checks    what keys mean together                  lines, problems   where, and in which words

Rule: nothing outside knows TOML, an environment variable or a default; it is handed a `Settings`.
"""

from relay.settings.loading import load, load_file
from relay.settings.model import Listen, Network, Ops, Settings, Store
from relay.settings.problems import Problem, Problems, Severity

__all__ = [
    "Listen",
    "Network",
    "Ops",
    "Problem",
    "Problems",
    "Settings",
    "Severity",
    "Store",
    "load",
    "load_file",
]
