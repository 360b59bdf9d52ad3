"""The instants of a pattern are shown before anything is saved."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.caller import Caller


def test_a_preview_shows_instants_with_the_local_time_and_its_offset(api: Caller) -> None:
    body = {"cron": "30 2 * * *", "timezone": "Europe/Berlin", "count": 2, "after": "2026-03-28T12:00:00Z"}

    reply = api.post(f"{api.space}/schedules/preview", body)

    assert (reply.status_code, reply.json["data"]) == (
        200,
        [
            {"at": "2026-03-29T01:00:00.000000Z", "local": "2026-03-29T03:00:00", "offset": "+02:00"},
            {"at": "2026-03-30T00:30:00.000000Z", "local": "2026-03-30T02:30:00", "offset": "+02:00"},
        ],
    )


def test_a_preview_shows_5_instants_from_now_unless_told(api: Caller) -> None:
    some = api.post(f"{api.space}/schedules/preview", {"cron": "* * * * * *"}).json["data"]
    most = api.post(f"{api.space}/schedules/preview", {"cron": "@daily", "count": 100}).json["data"]

    assert (len(some), len(most)) == (5, 100)
    assert datetime.fromisoformat(some[0]["at"]) > datetime.now(UTC) - timedelta(seconds=30)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "cron"),
        ({"cron": "x"}, "cron"),
        ({"cron": "@daily", "timezone": "x"}, "timezone"),
        ({"cron": "@daily", "count": 0}, "count"),
        ({"cron": "@daily", "count": 101}, "count"),
        ({"cron": "@daily", "after": "tomorrow"}, "after"),
        ({"cron": "@daily", "after": "0001-01-01T00:00:00Z"}, "after"),
        ({"cron": "@daily", "after": "9999-12-31T23:59:59Z"}, "after"),
    ],
)
def test_a_bad_preview_is_refused(api: Caller, body: dict[str, Any], path: str) -> None:
    reply = api.post(f"{api.space}/schedules/preview", body)

    assert reply.status_code == 422
    assert [fault["path"] for fault in reply.json["errors"]] == [path]
