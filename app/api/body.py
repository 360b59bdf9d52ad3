"""How requests are read: one strict JSON reader for bodies, and queries without surprises."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar, cast

import flask_smorest
from flask import Request, request
from marshmallow import RAISE, Schema, ValidationError, fields
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import RequestEntityTooLarge

from app import strictjson
from app.api.problems import faults_of
from app.errors import BodyTooLarge, MalformedJson, UnsupportedMediaType, ValidationFailed
from app.schemas.base import MAX_BODY

MIB = 1024 * 1024
View = TypeVar("View", bound=Callable[..., Any])


class StrictParser(FlaskParser):
    """Reads bodies with our JSON reader and refuses what a schema does not name, in queries too."""

    DEFAULT_UNKNOWN_BY_LOCATION = FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION | {"query": RAISE, "json": RAISE}

    def load_json(self, req: Request, schema: Schema) -> Any:
        """Read the body; a schema may set `max_body`, and `body_optional` to take no body as `{}`."""
        raw = read_body(getattr(schema, "max_body", MAX_BODY))
        if not raw and getattr(schema, "body_optional", False):
            return {}
        require_json()
        return strictjson.loads(raw)

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """Give each parameter once; a list field takes all of them."""
        by_name = {field.data_key or name: field for name, field in schema.load_fields.items()}
        return {name: _value(name, values, by_name.get(name)) for name, values in request.args.lists()}

    def handle_error(
        self,
        error: ValidationError,
        req: Request,
        schema: Schema,
        *,
        error_status_code: int | None,
        error_headers: Mapping[str, str] | None,
    ) -> NoReturn:
        """Raise ValidationFailed with one fault for each place."""
        messages = error.messages
        inner = next(iter(messages.values())) if isinstance(messages, dict) else messages
        faults = faults_of(inner)
        first = f"{faults[0].path}: {faults[0].message}" if faults[0].path else faults[0].message
        raise ValidationFailed(first, faults=faults) from error


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A blueprint whose views read their arguments strictly."""

    ARGUMENTS_PARSER = StrictParser()

    def route(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Put a view at an address."""
        return cast("Callable[[View], View]", super().route(rule, **options))

    def arguments(self, schema: Any, **options: Any) -> Callable[[View], View]:
        """Hand what `schema` reads to the view; a class is made one object here, not one each request."""
        one = schema() if isinstance(schema, type) else schema
        return cast("Callable[[View], View]", super().arguments(one, **options))

    def response(self, status_code: int, schema: Any = None, **options: Any) -> Callable[[View], View]:
        """Write what the view returns with `schema`."""
        return cast("Callable[[View], View]", super().response(status_code, schema, **options))

    def alt_response(self, status_code: int, **options: Any) -> Callable[[View], View]:
        """Document another answer."""
        return cast("Callable[[View], View]", super().alt_response(status_code, **options))

    @staticmethod
    def doc(**more: Any) -> Callable[[View], View]:
        """Document what the decorators cannot know."""
        return cast("Callable[[View], View]", flask_smorest.Blueprint.doc(**more))


def read_body(limit: int = MAX_BODY) -> bytes:
    """Read the raw body of the current request, chunked ones too; raise BodyTooLarge past `limit` bytes."""
    request.max_content_length = limit + 1  # Werkzeug cuts a chunked body off at its limit without a word.
    try:
        raw = request.get_data(cache=True)
    except RequestEntityTooLarge:
        raw = None
    if raw is None or len(raw) > limit:
        raise BodyTooLarge(f"The body may have at most {limit // MIB} MiB.")
    return raw


def require_json() -> None:
    """Raise UnsupportedMediaType unless the body is said to be UTF-8 JSON; MalformedJson if it is empty."""
    if not request.content_type and not request.get_data(cache=True):
        raise MalformedJson("The body is empty: send a JSON object with Content-Type: application/json.")
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    encoded = request.headers.get("Content-Encoding", "identity").lower() != "identity"
    if request.mimetype != "application/json" or charset not in ("utf-8", "utf8") or encoded:
        raise UnsupportedMediaType("Send JSON in UTF-8, not compressed, with Content-Type: application/json.")


def _value(name: str, values: list[str], field: Any) -> str | list[str]:
    if any("\0" in value for value in values):
        raise ValidationError({name: ["Must not hold a NUL character."]})
    if isinstance(field, fields.List):
        return values
    if len(values) > 1:
        raise ValidationError({name: ["Give it only once."]})
    return values[0]
