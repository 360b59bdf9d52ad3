"""The filters of a list as the address of its page says them."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from app.schemas.executions import ExecutionsQuery
from app.store.execution_filters import Filters


def read_filters(sent: Mapping[str, Any]) -> tuple[Filters, tuple[str, ...]]:
    """Read filters as the API takes them; where one is wrong, no filters and a sentence for each."""
    try:
        filters: Filters = ExecutionsQuery().load(dict(sent)).filters
    except ValidationError as error:
        messages = error.messages_dict
        return Filters(), tuple(f"{name}: {_first(found)}" for name, found in messages.items())
    return filters, ()


def _first(found: Any) -> str:
    """Find the first sentence in what marshmallow nests."""
    while not isinstance(found, str):
        found = next(iter(found.values() if isinstance(found, dict) else found))
    return found
