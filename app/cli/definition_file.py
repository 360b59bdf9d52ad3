"""Reads a workflow definition from a file: JSON, or YAML held to what JSON can say."""

import json
from collections.abc import Hashable
from typing import Any

import yaml

from app.errors import Fault, MalformedJson, ValidationFailed
from app.schemas.command_line import read_json

MOST_CHARACTERS = 4 * 1024 * 1024  # of what YAML's aliases unfold to
Json = Any


def read_definition(raw: bytes, name: str) -> Json:
    """Read a definition; `name` tells YAML (`.yaml`, `.yml`) from JSON, else the first character does.

    Raises MalformedJson, and ValidationFailed for what the API's strict reader refuses.
    """
    is_json = name.endswith(".json") or raw.lstrip()[:1] in (b"{", b"")
    if is_json and not name.endswith((".yaml", ".yml")):
        return read_json(raw, "The file")
    return read_json(_as_json(raw), "The file")


class Loader(yaml.SafeLoader):
    """YAML without what JSON cannot say: no times, only texts as keys, none twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (as its base declares it)
        letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Read an object; refuse a key that is there twice or is no text."""
        self.flatten_mapping(node)
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            line = f"line {key_node.start_mark.line + 1}"
            if not isinstance(key, str):
                raise _refused(f"The key {key!r} in {line} must be a text: put it in quotes.")
            if key in seen:
                raise _refused(f"The key {key!r} is there twice, again in {line}: take one out.")
            seen.add(key)
        return super().construct_mapping(node, deep)


def _as_json(raw: bytes) -> bytes:
    try:
        value = yaml.load(raw, Loader)  # noqa: S506 -- it is a SafeLoader
        return _written(value)
    except yaml.MarkedYAMLError as error:
        raise MalformedJson(f"The file is not YAML: {_told(error, raw)}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MalformedJson("The file is not YAML: it must be plain UTF-8 text.") from error
    except (RecursionError, ValueError, TypeError) as error:
        raise MalformedJson("The file nests too deeply, contains itself or what JSON lacks.") from error


def _told(error: yaml.MarkedYAMLError, raw: bytes) -> str:
    """Say what is wrong and where, and what to do when it is an expression that YAML takes for its own."""
    context, mark = error.context or "", error.problem_mark
    problem = f"{context} {error.problem}" if context.startswith("expected") else str(error.problem)
    if mark is None:
        return problem
    line = raw.decode(errors="replace").splitlines()[mark.line : mark.line + 1]
    hint = "; put the text with ${{ }} in quotes" if line and "${{" in line[0] else ""
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1}){hint}"


def _written(value: Any) -> bytes:
    """Write as JSON; NaN and what else JSON lacks is left for the strict reader to refuse."""
    parts: list[str] = []
    length = 0
    for part in json.JSONEncoder(ensure_ascii=False).iterencode(value):
        parts.append(part)
        length += len(part)
        if length > MOST_CHARACTERS:
            raise MalformedJson("The file is too large for a definition.")
    return "".join(parts).encode()


def _refused(message: str) -> ValidationFailed:
    return ValidationFailed(message, faults=[Fault("", message)])
