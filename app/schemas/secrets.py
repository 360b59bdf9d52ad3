"""Secrets as they are sent; what comes back has no value in it."""

import re

from marshmallow import fields
from marshmallow.validate import Length

from app.errors import Fault, ValidationFailed
from app.schemas.base import In, Out
from app.schemas.fields import Instant, Text
from app.schemas.paging import page_of

LEAST, MOST = 8, 8192
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)
NAME_RULE = "A secret's name has 1 to 128 letters, digits and _, and does not begin with a digit."


class SecretIn(In):
    """The value of a secret; short ones could not be masked without masking much else."""

    value = Text(required=True, validate=Length(LEAST, MOST, error="Must have {min} to {max} characters."))


class SecretOut(Out):
    """A secret's name."""

    name = fields.String(required=True)
    created_at = Instant(required=True)
    updated_at = Instant(required=True)


SecretPage = page_of(SecretOut)


def checked_name(name: str) -> str:
    """Give a name that `${{ secrets.NAME }}` can say; raise ValidationFailed for another."""
    if not NAME.fullmatch(name):
        raise ValidationFailed(NAME_RULE, faults=[Fault("name", NAME_RULE)])
    return name
