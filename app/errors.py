"""Every error a caller can be told of; each class carries its code, HTTP status and title."""

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: `path` is where (`steps[0].with.url`), `message` how to mend it."""

    path: str
    message: str

    @property
    def sentence(self) -> str:
        """Say it with its place; what is about the whole has none."""
        return f"{self.path}: {self.message}" if self.path else self.message


class LineaError(Exception):
    """An error with a sentence for the caller in `detail`; one handler turns it into problem+json."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        detail: str,
        *,
        faults: list[Fault] | None = None,
        retry_after: int | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = faults or []
        self.retry_after = retry_after
        self.extra = extra or {}


class MalformedJson(LineaError):
    code, status, title = "malformed_json", 400, "The body is not JSON"


class Unauthorized(LineaError):
    code, status, title = "unauthorized", 401, "Who are you?"


class Forbidden(LineaError):
    code, status, title = "forbidden", 403, "Not allowed"


class NotFound(LineaError):
    code, status, title = "not_found", 404, "Not found"


class MethodNotAllowed(LineaError):
    code, status, title = "method_not_allowed", 405, "Method not allowed"


class ExecutionFinished(LineaError):
    code, status, title = "execution_finished", 409, "The execution has ended"


class ExecutionNotFinished(LineaError):
    code, status, title = "execution_not_finished", 409, "The execution has not ended"


class WorkflowDisabled(LineaError):
    code, status, title = "workflow_disabled", 409, "The workflow is disabled"


class WorkflowDeleted(LineaError):
    code, status, title = "workflow_deleted", 409, "The workflow is gone"


class NotWaiting(LineaError):
    code, status, title = "not_waiting", 409, "The step waits for no signal"


class AlreadySignalled(LineaError):
    code, status, title = "already_signalled", 409, "The step has its signal"


class PreconditionFailed(LineaError):
    code, status, title = "precondition_failed", 412, "It was changed in between"


class BodyTooLarge(LineaError):
    code, status, title = "body_too_large", 413, "The body is too large"


class UnsupportedMediaType(LineaError):
    code, status, title = "unsupported_media_type", 415, "Unsupported media type"


class ValidationFailed(LineaError):
    code, status, title = "validation_failed", 422, "The request is not valid"


class InvalidDefinition(LineaError):
    code, status, title = "invalid_definition", 422, "The workflow definition is not valid"


class IdempotencyKeyReused(LineaError):
    code, status, title = "idempotency_key_reused", 422, "The idempotency key was used for another request"


class TooManyPending(LineaError):
    code, status, title = "too_many_pending", 429, "Too many pending executions"


class DailyLimit(LineaError):
    code, status, title = "daily_limit", 429, "The daily limit is reached"


class RateLimited(LineaError):
    code, status, title = "rate_limited", 429, "Too many requests"


class DatabaseUnavailable(LineaError):
    code, status, title = "database_unavailable", 503, "The database is away"


class TooManyStreams(LineaError):
    code, status, title = "too_many_streams", 503, "Too many open streams"


class IllegalMove(LineaError):
    """A move that the row's state does not allow; callers turn it into an answer of their own."""

    code, status, title = "illegal_move", 409, "The execution cannot move there"
