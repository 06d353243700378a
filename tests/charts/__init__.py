"""Charts are checked by what they hand to Vega: the rows, the marks and the selection."""

from typing import Any


def rows_of(specification: dict[str, Any], layer: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """The rows that a chart, or one layer of it, draws."""
    rows: list[dict[str, Any]] = specification["datasets"][(layer or specification)["data"]["name"]]
    return rows
