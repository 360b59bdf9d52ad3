"""What the database does to a transaction is told in our own words."""

from typing import Any

import psycopg2
import pytest
from flask import Flask
from sqlalchemy import event

from app.errors import DatabaseUnavailable
from app.extensions import db
from app.services.transaction import reading, transaction
from app.settings import Settings

DOORS = {"a transaction": transaction, "a read": reading}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_a_server_that_goes_away_as_a_connection_is_opened_is_away(
    app: Flask, settings: Settings, door: Any
) -> None:
    def end_backend(opened: Any, *_: object) -> None:
        """End the server's side of a connection that has just shown that it lives."""
        with psycopg2.connect(settings.database_url) as other, other.cursor() as cursor:
            cursor.execute(f"SELECT pg_terminate_backend({opened.info.backend_pid}, 5000)")

    with app.app_context():
        event.listen(db.engine, "checkout", end_backend)
        with pytest.raises(DatabaseUnavailable) as told, door() as tx:
            tx.exec_driver_sql("SELECT 1")
        event.remove(db.engine, "checkout", end_backend)

    assert told.value.retry_after is not None
