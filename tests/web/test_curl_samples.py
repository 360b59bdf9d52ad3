"""The sample calls work as they stand: a shell runs them, and the webhook takes what they send."""

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from app.web.curl_samples import ORIGIN, sample
from tests.api.caller import DEFINITION, Caller

SCHEMES: list[dict[str, str]] = [
    {"scheme": "none"},
    {"scheme": "standard"},
    {"scheme": "github"},
    {"scheme": "stripe"},
    {"scheme": "slack"},
    {"scheme": "bearer"},
    {"scheme": "basic", "username": 'it\'s $HOME "quoted"'},
    {"scheme": "hmac", "header": "X-Sign$`'d", "prefix": "v='$(id) ", "algorithm": "sha512"},
    {"scheme": "hmac", "header": "X-Signed", "encoding": "base64", "algorithm": "sha512"},
]
# Writes its arguments, each ended by a NUL, where a test reads what would be sent.
CURL = '#!/bin/sh\nprintf "%s\\0" "$@" > "$SENT"\n'


@pytest.mark.skipif(shutil.which("openssl") is None, reason="samples sign with openssl, which is not here")
@pytest.mark.parametrize("how", SCHEMES, ids=lambda how: f"{how['scheme']}-{how.get('encoding', '')}")
def test_a_sample_is_taken_by_its_webhook(caller: Caller, tmp_path: Path, how: dict[str, str]) -> None:
    workflow = caller.post(f"{caller.space}/workflows", {"name": "w", "definition": DEFINITION}).json
    body = {"name": "h", "workflowId": workflow["id"], "verification": how}
    hook = caller.post(f"{caller.space}/webhooks", body).json
    lines = sample(hook["id"], hook["verification"]).replace(ORIGIN, "http://localhost")

    url, headers, data = run(tmp_path, lines.replace("secret='…'", f"secret='{hook.get('secret')}'"))
    reply = caller.client.post(url, headers=headers, data=data)

    assert reply.status_code == 202, (lines, headers, reply.text)
    delivery = caller.get(f"{caller.space}/webhooks/{hook['id']}/deliveries").json["data"][0]
    assert (delivery["outcome"], delivery["body"]) == ("accepted", '{"hello": "world"}')


def run(folder: Path, lines: str) -> tuple[str, list[tuple[str, str]], str]:
    """Let a shell run a sample with a curl that notes its arguments; give URL, headers and body."""
    curl, sent = folder / "curl", folder / "sent"
    curl.write_text(CURL)
    curl.chmod(0o755)
    env = {"PATH": f"{folder}:/usr/bin:/bin", "SENT": str(sent), "HOME": str(folder)}
    subprocess.run(["sh", "-euc", lines], env=env, check=True, timeout=60, capture_output=True)
    url, *rest = sent.read_text().split("\0")[:-1]
    options = list(zip(rest[::2], rest[1::2], strict=True))
    return url, [header(*option) for option in options if option[0] != "-d"], dict(options)["-d"]


def header(option: str, value: str) -> tuple[str, str]:
    """Give the header that an option of curl makes."""
    if option == "-u":
        return "Authorization", basic(value)
    assert option == "-H", option
    name, _, content = value.partition(": ")
    return name, content


def basic(credentials: str) -> str:
    """Write credentials as RFC 7617 says."""
    return "Basic " + base64.b64encode(credentials.encode()).decode()
