"""What a request must not have: the WSGI server mixes this process's own environment into each of them."""

import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "HTTP_"  # PEP 3333: what begins so is a header that the client sent


def without_own_environment(door: WSGIApplication) -> WSGIApplication:
    """Keep variables such as `HTTP_ALLOW_HOSTS` and `HTTP_PROXY` from looking like headers of the request."""
    own = {name: value for name, value in os.environ.items() if name.startswith(HEADER)}

    def clean(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        for name, value in own.items():
            if environ.get(name) == value:
                del environ[name]
        return door(environ, start_response)

    return clean if own else door
