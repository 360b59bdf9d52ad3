"""Spaces as they are sent and shown."""

from marshmallow import fields

from app.schemas.base import In, Out
from app.schemas.fields import Instant, Name
from app.schemas.paging import page_of


class SpaceIn(In):
    """A new space."""

    name = Name(required=True)


class SpaceChanges(In):
    """What of a space may change."""

    name = Name()


class SpaceOut(Out):
    """A space."""

    id = fields.UUID(required=True)
    workspace_id = fields.UUID(required=True)
    name = fields.String(required=True)
    created_at = Instant(required=True)


SpacePage = page_of(SpaceOut)
