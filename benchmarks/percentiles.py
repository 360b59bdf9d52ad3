"""Percentiles of what was measured."""

from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value that `share` of all values do not pass (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
