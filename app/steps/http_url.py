"""The URL of an `http` step: absolute, http or https, without credentials in it."""

import re
from ipaddress import ip_address

from yarl import URL

from app.steps.addresses import is_host_name

CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class BadRequest(Exception):
    """The request cannot be sent as it stands; the message says why and holds no value of a secret."""


def parse_url(text: str) -> URL:
    """Read an absolute http or https URL; the BadRequest does not repeat it, since it may hold a secret."""
    if CONTROL.search(text):
        raise BadRequest("The url holds a line break or another control character.")
    try:
        url = URL(text.strip())
    except ValueError:
        raise BadRequest("The url is not valid.") from None
    if url.scheme not in ("http", "https"):
        raise BadRequest("The url must begin with http:// or https://.")
    if url.raw_user is not None or url.raw_password is not None:
        raise BadRequest("The url must not hold a user name or password: use auth.")
    if not _is_host(url.raw_host or "") or not url.port:
        raise BadRequest("The url has no valid host and port (IPv4 addresses are four decimal numbers).")
    return url


def _is_host(host: str) -> bool:
    if is_host_name(host.removesuffix(".")):
        return True
    try:
        return bool(ip_address(host))
    except ValueError:
        return False
