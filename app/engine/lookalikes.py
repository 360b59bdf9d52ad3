"""Finds texts that look like expressions of other languages; they are taken as they are."""

import re
from collections.abc import Iterator
from typing import Any

from app.engine.names import ROOTS
from app.engine.templates import OPENING
from app.errors import Fault

Json = Any

_ROOT = "|".join([*sorted(ROOTS), "secrets"])
_LOOKS = re.compile(
    rf"(?<!\$)\{{\{{\s*(?:{_ROOT})\b[^{{}}]*\}}\}}|\$\{{\s*(?:{_ROOT})(?:\s*[.\[][^{{}}]*)?\s*\}}"
)
_LONGEST = 60


def lookalikes(value: Json, path: str, verbatim: frozenset[str] = frozenset()) -> Iterator[Fault]:
    """Yield a warning for each text without expressions that has `{{ input… }}` or `${input…}` in it.

    `verbatim` are keys of `value` whose text is a program.
    """
    if isinstance(value, dict):
        for key in value.keys() - verbatim if verbatim else value:
            yield from lookalikes(value[key], f"{path}.{key}")
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from lookalikes(inner, f"{path}[{at}]")
    elif isinstance(value, str) and "{" in value and OPENING not in value and (found := _LOOKS.search(value)):
        yield Fault(path, f"{found[0][:_LONGEST]} is taken as text: an expression is written ${{{{ … }}}}.")
