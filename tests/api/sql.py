"""Statements that a test runs past the API."""

from typing import Any

from flask import Flask
from sqlalchemy import text

from app.extensions import db


def sql(app: Flask, query: str, **given: Any) -> list[Any]:
    """Run one statement in a transaction of its own."""
    with app.app_context(), db.engine.begin() as tx:
        result = tx.execute(text(query), given)
        return list(result) if result.returns_rows else []
