"""The application factory: puts API, pages, command line and what they share together."""

import threading

from flask import Flask

from app import api, cli, environment, log, strictjson, web
from app.extensions import db, migrate
from app.pulse import CONNECT_SECONDS, Line
from app.queue import Sender
from app.services.intake import Intake
from app.services.transaction import Absence
from app.settings import Settings
from app.store.allowance import Allowance
from app.stream.hub import Hub


def build(settings: Settings | None = None) -> Flask:
    """Build the Flask application from `settings`, by default from the environment; raises BadSetting."""
    settings = settings or environment.settings()
    log.configure(settings.log_level, settings.log_format)
    environment.load_tasks(settings)
    environment.check_hosts(settings)
    app = Flask("app", static_folder=None)
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=ENGINE_OPTIONS,
    )
    db.init_app(app)
    migrate.init_app(app, db)
    app.extensions["sender"] = Sender(settings.redis_url)
    app.extensions["intake"] = Intake()
    app.extensions["allowance"] = Allowance()
    app.extensions["absence"] = Absence()
    app.extensions["waiting places"] = places = threading.BoundedSemaphore(settings.stream_limit)
    app.extensions["streams"] = Hub(settings.redis_url, places)
    app.extensions["ending"] = threading.Event()
    api.register(app)
    web.register(app)
    cli.register(app)
    return app


SESSION = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    # A process that hangs between two statements keeps its locks this long; none of ours thinks in between.
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
}
ENGINE_OPTIONS = {
    "json_deserializer": strictjson.loads_stored,
    "pool_size": 8,
    "max_overflow": 8,
    "pool_timeout": 2,
    "pool_pre_ping": True,
    "pool_recycle": 300,
    "connect_args": {
        "connection_factory": Line,
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "linea",
        # A server that vanished without a word is noticed within some 20 s; the kernel takes 15 minutes.
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,
        "options": " ".join(f"-c {name}={value}" for name, value in SESSION.items()),
    },
}
