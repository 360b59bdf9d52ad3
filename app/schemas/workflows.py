"""Workflows and their versions as they are sent and shown."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields
from marshmallow.validate import Range

from app.schemas.base import In, Out
from app.schemas.fields import Boolean, Instant, Integer, Name
from app.schemas.paging import page_of
from app.schemas.workflow_definition import WHOLE

MAX_CONCURRENCY = 100_000


def _concurrency(**options: object) -> Integer:
    within = Range(1, MAX_CONCURRENCY, error="Must be from {min} to {max}, or null for no limit of its own.")
    return Integer(allow_none=True, validate=within, **options)  # type: ignore[arg-type]


class Definition(fields.Raw):
    """A definition as it came: what is wrong with it, null too, is for the engine to say."""

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """Pass any value that was given."""
        return None if value is None else super().deserialize(value, attr, data, **kwargs)


def _given(**options: bool) -> Definition:
    known = {"allOf": [{"$ref": f"#/components/schemas/{WHOLE}"}]}
    return Definition(metadata=known, **options)  # type: ignore[arg-type]


def _definition(**options: bool) -> fields.Raw:
    return fields.Raw(
        metadata={"type": "object", "description": "See /schemas/workflow.json."},
        **options,  # type: ignore[arg-type]
    )


class WorkflowIn(In):
    """A whole workflow."""

    name = Name(required=True)
    definition = _given(required=True)
    enabled = Boolean(load_default=True)
    max_concurrency = _concurrency(load_default=None)


class WorkflowWhole(WorkflowIn):
    """A whole workflow in place of another; `enabled` left out stays as it is."""

    enabled = Boolean()


class WorkflowChanges(In):
    """What of a workflow may change."""

    name = Name()
    definition = _given()
    enabled = Boolean()
    max_concurrency = _concurrency()


class DefinitionIn(In):
    """A definition to check."""

    definition = _given(required=True)


class FaultOut(Out):
    """One thing to mend: `path` starts at the definition."""

    path = fields.String(required=True)
    message = fields.String(required=True)


class VerdictOut(Out):
    """What saving a definition would say."""

    valid = fields.Boolean(required=True)
    errors = fields.List(fields.Nested(FaultOut), required=True)
    warnings = fields.List(fields.Nested(FaultOut), required=True)


class WorkflowOut(Out):
    """A workflow with its current definition."""

    id = fields.UUID(required=True)
    workspace_id = fields.UUID(required=True)
    space_id = fields.UUID(required=True)
    name = fields.String(required=True)
    definition = _definition(required=True)
    enabled = fields.Boolean(required=True)
    max_concurrency = fields.Integer(required=True, allow_none=True)
    version = fields.Integer(required=True)
    warnings = fields.List(fields.Nested(FaultOut), required=True)
    created_at = Instant(required=True)
    updated_at = Instant(required=True)


class VersionOut(Out):
    """One version of a workflow; it never changes."""

    version = fields.Integer(required=True)
    definition = _definition(required=True)
    created_at = Instant(required=True)


WorkflowPage = page_of(WorkflowOut)
VersionPage = page_of(VersionOut)
