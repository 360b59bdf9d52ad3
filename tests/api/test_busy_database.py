"""What waits too long for others in the database is told when to try again, by the API and by the pages."""

import pytest
from flask import Flask
from sqlalchemy.exc import DBAPIError

from app.api import problems
from app.extensions import db
from app.web import error_pages


@pytest.fixture(params=["lock_timeout", "statement_timeout"])
def gave_up(app: Flask, request: pytest.FixtureRequest) -> DBAPIError:
    """Give what a statement raises that waited for a table until its time was over."""
    with app.app_context(), db.engine.begin() as holder:
        holder.exec_driver_sql("LOCK TABLE spaces")
        with db.engine.begin() as tx:
            tx.exec_driver_sql(f"SET LOCAL {request.param} = '20ms'")
            with pytest.raises(DBAPIError) as caught:
                tx.exec_driver_sql("LOCK TABLE spaces")
    return caught.value


def test_the_api_says_that_it_is_the_database_and_when_to_try_again(app: Flask, gave_up: DBAPIError) -> None:
    with app.test_request_context("/me"):
        reply = problems.answer(gave_up)

    assert (reply.status_code, reply.json["code"]) == (503, "database_unavailable")
    assert int(reply.headers["Retry-After"]) > 0


def test_a_page_says_so_too(app: Flask, gave_up: DBAPIError) -> None:
    with app.test_request_context("/login"):
        reply = error_pages.answer(gave_up)

    assert (reply.status_code, reply.mimetype) == (503, "text/html")
    assert "try again shortly" in reply.get_data(as_text=True)
