"""Fields for a step's `with`: strict about JSON types, open to expressions while a definition is saved."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from marshmallow import RAISE, Schema, ValidationError, fields

from app.steps.secrets import SecretRef, SecretText

_ORIGIN = re.compile(
    r"(?:(?:[A-Za-z][A-Za-z0-9+.\-]*|\x00)://[^/?#\\]+|\x00(?!//)[^:/?#\\]*(?::\d+)?(?!://))[/?#]"
)


@dataclass(frozen=True, slots=True)
class Hole:
    """The place of an expression whose value is known only when the step runs."""

    source: str


@dataclass(frozen=True, slots=True)
class Template:
    """What a text with expressions is while its definition is checked; it never reaches a step that runs."""

    parts: tuple[str | SecretRef | Hole, ...]

    @property
    def exact(self) -> bool:
        """Tell whether the text is one expression and nothing else, so that its value may have any type."""
        return len(self.parts) == 1 and isinstance(self.parts[0], Hole)


UNKNOWN = "There is no such field here."


def wants(what: str) -> dict[str, Any]:
    """Give the messages of a field that takes one kind of value."""
    what = what.replace("{", "{{").replace("}", "}}")  # marshmallow formats them
    return {
        "invalid": f"Must be {what}.",
        "required": f"Is missing: give {what}.",
        "null": f"Must be {what}, not null.",
    }


class Expressible(fields.Field[Any]):
    """Mixin: a field that passes an expression when the definition is saved and loads its value at run time.

    Validators see only real values: they do not run for a text with expressions or secrets in it.
    """

    takes_text: ClassVar[bool] = False

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """Pass what cannot be known yet, else load strictly."""
        if not isinstance(value, Template | SecretText):
            return super().deserialize(value, attr, data, **kwargs)
        if self.takes_text or (isinstance(value, Template) and value.exact):
            return value
        secret = isinstance(value, SecretText) or any(isinstance(part, SecretRef) for part in value.parts)
        raise ValidationError(
            "A secret can only stand in a text."
            if secret
            else "A text with an expression in it is always text: let the expression stand alone,"
            " as in ${{ input.n }}."
        )


class Text(Expressible, fields.String):
    """A text; secrets may stand in it."""

    takes_text = True
    default_error_messages = wants("a text")


class Scalar(Text):
    """A text, or a number or boolean that is written as JSON would (header, query and form values)."""

    default_error_messages = wants("a text, a number or a boolean")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return repr(int(value)) if value == int(value) and abs(value) < 1e21 else repr(value)
        return super()._deserialize(value, attr, data, **kwargs)


class Number(Expressible, fields.Float):
    """A JSON number, never a text that looks like one."""

    default_error_messages = wants("a number")

    def _validated(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class Integer(Expressible, fields.Integer):
    """A whole JSON number; 5.0 is one too."""

    default_error_messages = wants("a whole number")

    def _validated(self, value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid", input=value)
        return value


class Boolean(Expressible, fields.Boolean):
    """True or false, never a text or number in its place."""

    default_error_messages = wants("true or false")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Object(Expressible, fields.Dict):
    """An object; give `keys` and `values` to check its members."""

    default_error_messages = wants("an object")


class List(Expressible, fields.List[Any]):
    """A list."""

    default_error_messages = wants("a list")


class Part(Expressible, fields.Nested):
    """An object with a schema of its own."""

    default_error_messages = wants("an object")


class Anything(Expressible, fields.Raw):
    """Any JSON value, expressions and secrets anywhere inside."""

    takes_text = True
    default_error_messages = wants("any value, with expressions anywhere inside")


class Verbatim(fields.String):
    """A text in which `${{` means nothing: the source of a program."""

    default_error_messages = wants("a text with JavaScript, the body of a function")


class StepArgs(Schema):
    """Base of each step type's `with` schema: unknown fields are errors, keys are given by `data_key`."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": UNKNOWN, "type": "Must be an object."}  # noqa: RUF012 -- as marshmallow declares it


def origin_is_fixed(url: Any) -> bool:
    """Tell whether scheme and host of a saved `url` are written out or in a secret, made by no expression."""
    if not isinstance(url, Template):
        return True
    head = ""
    for part in url.parts:
        if isinstance(part, Hole):
            return _ORIGIN.match(head) is not None
        head += part if isinstance(part, str) else "\x00"
    return True
