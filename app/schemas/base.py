"""What all schemas share: camelCase outside, snake_case inside, and refusals that say what to do."""

from typing import Any, ClassVar

from marshmallow import RAISE, Schema, fields

MAX_BODY = 1024 * 1024


def said(**messages: str) -> dict[str, str | list[Any] | dict[Any, Any]]:
    """Give error messages the type that marshmallow wants."""
    return dict(messages)


def camel(name: str) -> str:
    """Write `created_at` as `createdAt`."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


class CamelCase(Schema):
    """A schema whose fields have camelCase names outside."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name the field as the outside knows it."""
        field_obj.data_key = field_obj.data_key or camel(field_name)


class In(CamelCase):
    """What a caller sends. Unknown fields are errors.

    `max_body` is the most bytes a body may have; `body_optional` takes a request without a body as `{}`.
    """

    max_body: ClassVar[int] = MAX_BODY
    body_optional: ClassVar[bool] = False

    class Meta:
        unknown = RAISE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name the field, and let it and the members of a list say plainly what is missing."""
        super().on_bind_field(field_name, field_obj)
        for one in filter(None, (field_obj, getattr(field_obj, "inner", None))):
            one.error_messages |= {"required": "Is missing.", "null": "Must not be null."}

    error_messages = {  # noqa: RUF012 -- as marshmallow declares it
        "unknown": "There is no such field here: take it out.",
        "type": "Must be an object.",
    }


class Out(CamelCase):
    """What a caller gets."""
