"""Whether the process lives, and whether the installation can do its work."""

from typing import Any, ClassVar

from flask import current_app
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.api.body import Blueprint
from app.errors import LineaError
from app.schemas.health import HealthOut
from app.services import readiness

blp = Blueprint("health", __name__, description="For load balancers and people on call")
RETRY_AFTER_SECONDS = 5
REDIS_SECONDS = 0.5


class NotReady(LineaError):
    """Something that the service needs is away; `reasons` say what."""

    code: ClassVar[str] = "not_ready"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "Not ready"


@blp.route("/healthz")
@blp.response(200, HealthOut)
def live() -> Any:
    """Tell that this process answers."""
    return {"status": "ok", "reasons": []}


@blp.route("/readyz")
@blp.response(200, HealthOut)
def ready() -> Any:
    """Tell whether database, migrations, Redis, clock and queue are in order; 503 with reasons when not."""
    reasons = readiness.reasons() + _redis_reasons()
    if reasons:
        raise NotReady(" ".join(reasons), retry_after=RETRY_AFTER_SECONDS, extra={"reasons": reasons})
    return {"status": "ready", "reasons": []}


def _redis_reasons() -> list[str]:
    url = current_app.config["SETTINGS"].redis_url
    limits = {"socket_connect_timeout": REDIS_SECONDS, "socket_timeout": REDIS_SECONDS}
    try:
        with Redis.from_url(url, retry=Retry(NoBackoff(), 0), **limits) as redis:
            redis.ping()
    except (RedisError, OSError):
        return [readiness.REDIS_AWAY.sentence]
    return []
