"""What the WSGI server mixes into requests is not taken for theirs."""

import os
from collections.abc import Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from app.api.environ import without_own_environment


def test_variables_of_the_process_are_no_headers_of_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://user:c4nary@proxy")
    monkeypatch.setenv("HTTP_ALLOW_HOSTS", "127.0.0.1")
    seen: WSGIEnvironment = {}

    def door(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        seen.update(environ)
        return iter(())

    from_outside = {"HTTP_ALLOW_HOSTS": "sent by the client", "HTTP_X_EVENT": "push"}

    without_own_environment(door)(dict(os.environ) | from_outside, lambda *_: lambda _: None)

    assert {name: value for name, value in seen.items() if name.startswith("HTTP_")} == from_outside
