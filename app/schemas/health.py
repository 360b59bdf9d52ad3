"""Health as it is shown."""

from marshmallow import fields

from app.schemas.base import Out


class HealthOut(Out):
    """Whether it lives or is ready; `reasons` say why not."""

    status = fields.String(required=True)
    reasons = fields.List(fields.String(), required=True)


class ProblemFaultOut(Out):
    """One thing wrong in a request: where, and what to do."""

    path = fields.String(required=True)
    message = fields.String(required=True)


class ProblemOut(Out):
    """An error (RFC 9457); `code` is what programs go by, `errors` comes with 422."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True)
    errors = fields.List(fields.Nested(ProblemFaultOut))
