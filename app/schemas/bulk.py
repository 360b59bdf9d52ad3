"""Bulk operations: which executions they are about, and how far they are."""

from typing import Any

from marshmallow import ValidationError, fields, post_load
from marshmallow.validate import Length, OneOf

from app.schemas.base import In, Out, said
from app.schemas.executions import FiltersIn, Id, filters_of
from app.schemas.fields import Boolean, CommaList
from app.services.bulk import Selection
from app.states import Status

MOST_IDS = 10_000


class Statuses(CommaList):
    """Statuses, as a list or as the comma list that a query has."""

    default_error_messages = said(invalid="Must be a status, or a list of them.")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        words = [value] if isinstance(value, str) else value
        if not isinstance(words, list):
            raise self.make_error("invalid")
        return super()._deserialize(words, attr, data, **kwargs)


class BulkFilterIn(FiltersIn):
    """The filters of the list; none at all means every execution here."""

    status = Statuses(
        fields.String(validate=OneOf(list(Status), error="Must be one of {choices}.")),
        load_default=list,
        validate=Length(1, error="Must name a status: leave it out for all."),
        metadata={"description": "A list, or a comma list."},
    )

    def on_bind_field(self, field_name: str, field_obj: "fields.Field[Any]") -> None:
        """Refuse null: a filter that somebody meant to set must not become none."""
        super().on_bind_field(field_name, field_obj)
        field_obj.allow_none = False

    @post_load
    def _load(self, data: dict[str, Any], **_: Any) -> Any:
        return filters_of(data)


class BulkIn(In):
    """Which executions: `ids`, a `filter`, or both for those that are in both."""

    ids = fields.List(
        Id(),
        validate=Length(1, MOST_IDS, error="Must have {min} to {max} ids: take a filter for more."),
        error_messages={"invalid": "Must be a list of ids."},
    )
    filter = fields.Nested(BulkFilterIn)
    dry_run = Boolean(
        load_default=False, metadata={"description": "Count only: 200 with `bulkId` null.", "default": False}
    )

    @post_load
    def _load(self, data: dict[str, Any], **_: Any) -> tuple[Selection, bool]:
        ids, filters = data.get("ids"), data.get("filter")
        if ids is None and filters is None:
            raise ValidationError("Give ids, a filter, or both; an empty filter means every execution here.")
        return Selection(None if ids is None else tuple(ids), filters), data["dry_run"]


class BulkStartedOut(Out):
    """A bulk operation that was begun, or counted alone."""

    bulk_id = fields.UUID(required=True, allow_none=True)
    matched = fields.Integer(metadata={"description": "How many executions it is about."})
    matched_at_least = fields.Integer(
        metadata={"description": "Instead of `matched`: there are this many or more, 10,000 as a rule."}
    )


class BulkOut(BulkStartedOut):
    """How far a bulk operation is."""

    bulk_id = fields.UUID(required=True)
    kind = fields.String(required=True, validate=OneOf(["cancel", "retry"]))
    space_id = fields.UUID(required=True, allow_none=True)
    status = fields.String(required=True, validate=OneOf(["running", "completed"]))
    done = fields.Integer(required=True, metadata={"description": "Cancelled, or started again."})
    skipped = fields.Integer(required=True, metadata={"description": "What could not be."})
    created_at = fields.DateTime(required=True)
    completed_at = fields.DateTime(required=True, allow_none=True)
