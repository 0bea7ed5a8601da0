"""A counter's family, made from rows.

Rule: names end without `_total`, which the text format adds.
"""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily


def counter(
    name: str, about: str, labels: tuple[str, ...], rows: Iterable[tuple[tuple[str, ...], float]]
) -> CounterMetricFamily:
    """Return the family *name*: *rows* are values of *labels*, and amounts."""
    family = CounterMetricFamily(name, about, labels=labels)
    for values, amount in rows:
        family.add_metric(values, amount)
    return family
