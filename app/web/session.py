"""Log in with an API key or a link that works once; log out."""

import re

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from app.errors import Forbidden, RateLimited, Unauthorized
from app.services import sessions
from app.states import Role
from app.web.attempts import Attempts
from app.web.pages import needs, visit

blp = Blueprint("session", __name__)
LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*")
WRONG_KEY = "This is no valid API key: it may be mistyped, revoked or expired."
GONE = 410

attempts = Attempts()


@blp.get("/login")
def show() -> BaseResponse:
    """Show the form; a link's `token` logs in at once."""
    if _is_ahead_of_its_time():
        return Response(status=503)
    token = request.args.get("token")
    session = sessions.open_with_link(token) if token is not None else None
    if session is not None:
        return _entered(session)
    if _is_logged_in():
        return redirect(_next(), 303)
    return _form(None, 200) if token is None else _form(None, GONE, used_link=True)


@blp.post("/login")
def log_in() -> BaseResponse:
    """Take an API key."""
    if sessions.from_elsewhere(request.headers.get("Sec-Fetch-Site")):
        raise Forbidden("The request came from another site: log in on our own page.")
    address = _address()
    wait = attempts.wait_seconds(address)
    if wait:
        message = f"Too many failed log-ins from your address: try again in {wait} seconds."
        response = _form(message, RateLimited.status)
        response.headers["Retry-After"] = str(wait)
        return response
    session = sessions.open_with_key(request.form.get("key", "").strip())
    if session is None:
        attempts.failed(address)
        return _form(WRONG_KEY, Unauthorized.status)
    attempts.succeeded(address)
    return _entered(session)


@blp.post("/logout")
@needs(Role.VIEWER)
def log_out() -> BaseResponse:
    """End the session, here and on the server."""
    sessions.close(visit().token)
    response = redirect("/login", 303)
    response.delete_cookie(sessions.COOKIE, path="/", secure=_is_tls(), httponly=True, samesite="Lax")
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _form(error: str | None, status: int, *, used_link: bool = False) -> Response:
    page = render_template("login.html", error=error, next=_next(), used_link=used_link)
    return Response(page, status, mimetype="text/html")


def _entered(session: str) -> BaseResponse:
    """Lead on with the new session; one that was open before ends."""
    sessions.close(request.cookies.get(sessions.COOKIE, ""))
    response = redirect(_next(), 303)
    response.set_cookie(
        sessions.COOKIE,
        session,
        max_age=sessions.SESSION_SECONDS,
        path="/",
        secure=_is_tls(),
        httponly=True,
        samesite="Lax",
    )
    return response


def _is_logged_in() -> bool:
    try:
        sessions.identify_session(request.cookies.get(sessions.COOKIE))
    except Unauthorized:
        return False
    return True


def _is_ahead_of_its_time() -> bool:
    """Tell a look at a link before its user opens it, which must not use it up."""
    return request.method == "HEAD" or "prefetch" in request.headers.get("Sec-Purpose", "")


def _next() -> str:
    """Give where to go then: a path of this server, never another address."""
    wanted = request.values.get("next", "/")
    return wanted if LOCAL.fullmatch(wanted) else "/"


def _is_tls() -> bool:
    """Tell whether the browser came by TLS, to us or to a proxy before us.

    Who forges X-Forwarded-Proto gets a cookie that his own browser will not send back.
    """
    forwarded = request.headers.get("X-Forwarded-Proto", "").split(",")[0].strip().lower()
    return request.is_secure or forwarded == "https"


def _address() -> str:
    """Name who asks: the peer, and what the nearest proxy says of whom it asks for."""
    forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return f"{request.remote_addr} {forwarded[:64]}"
