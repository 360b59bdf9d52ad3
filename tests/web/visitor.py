"""A visitor of the pages, with Flask's client: logs in, reads pages, sends forms."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from app.extensions import db
from app.services.sessions import COOKIE
from tests.api.caller import Caller


@dataclass
class Visitor:
    """A browser without scripts, for one key of `caller`."""

    client: FlaskClient
    caller: Caller

    @property
    def space(self) -> str:
        """Give the path of the space's pages."""
        return f"/spaces/{self.caller.space_id}"

    @property
    def session(self) -> str | None:
        """Give what the cookie holds, None without one."""
        cookie = self.client.get_cookie(COOKIE)
        return cookie.value if cookie else None

    def log_in(self, key: str | None = None, **more: Any) -> TestResponse:
        """Send the log-in form."""
        return self.client.post("/login", data={"key": key or self.caller.key, **more})

    def get(self, path: str, **options: Any) -> TestResponse:
        """Read a page."""
        return self.client.get(path, **options)

    def csrf(self) -> str:
        """Read the CSRF token that a page carries."""
        found = re.search(r'<meta name="csrf-token" content="([^"]+)">', self.get("/").text)
        assert found
        return unescape(found[1])

    def post(self, path: str, **fields: str) -> TestResponse:
        """Send a form with its CSRF token."""
        return self.client.post(path, data={"csrf": self.csrf(), **fields})


def sql(app: Flask, statement: str) -> None:
    """Run one statement on the rows behind the pages."""
    with app.app_context(), db.engine.begin() as tx:
        tx.execute(text(statement))
