"""API keys as they are sent and shown."""

from marshmallow import fields, post_load
from marshmallow.validate import OneOf

from app.schemas.base import In, Out
from app.schemas.fields import Instant, Name, Text
from app.schemas.paging import page_of
from app.states import Role

ROLES = [role.value for role in Role]


class ApiKeyIn(In):
    """A new key."""

    name = Name(required=True)
    role = Text(required=True, validate=OneOf(ROLES, error="Must be one of {choices}."))
    expires_at = Instant(load_default=None, allow_none=True)

    @post_load
    def _role(self, data: dict[str, object], **_: object) -> dict[str, object]:
        return data | {"role": Role(str(data["role"]))}


class ApiKeyOut(Out):
    """A key without its secret part."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True, validate=OneOf(ROLES))
    expires_at = Instant(required=True, allow_none=True)
    last_used_at = Instant(required=True, allow_none=True)
    created_at = Instant(required=True)


class NewApiKeyOut(ApiKeyOut):
    """A new key; `key` is shown this one time."""

    key = fields.String(required=True)


ApiKeyPage = page_of(ApiKeyOut)
