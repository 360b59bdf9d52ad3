"""A call of a webhook for a shell, signed as its scheme wants it; what a member chose is quoted."""

from collections.abc import Mapping
from shlex import quote
from uuid import UUID

ORIGIN = "{origin}"  # a page's script puts the address there that its reader knows us by
BODY = """body='{"hello": "world"}'"""
TAKEN = "secret='…'  # shown once, when it was made"
NOW = "now=$(date +%s)"
HEX = "sed 's/^.* //'"


def sample(webhook_id: UUID, verification: Mapping[str, str]) -> str:
    """Write the lines of a shell that call a webhook; `{origin}` stands for our address."""
    lines, headers = _SCHEMES[verification["scheme"]](verification)
    options = "".join(f"  {header} \\\n" for header in ("-H 'Content-Type: application/json'", *headers))
    call = f'curl {ORIGIN}/webhooks/{webhook_id} \\\n{options}  -d "$body"'
    return "\n".join([*lines, BODY, *_signature(verification), call])


def _signature(verification: Mapping[str, str]) -> list[str]:
    """Write the lines that need the body."""
    made = {
        "standard": [
            NOW,
            'id="msg_$now"',
            """key=$(printf %s "${secret#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \\n')""",
            'signature=$(printf %s "$id.$now.$body" | '
            'openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)',
        ],
        "github": [_hex("$body")],
        "stripe": [NOW, _hex("$now.$body")],
        "slack": [NOW, _hex("v0:$now:$body")],
    }
    if verification["scheme"] != "hmac":
        return made.get(verification["scheme"], [])
    if verification["encoding"] == "hex":
        return [_hex("$body", verification["algorithm"])]
    digest = f'openssl dgst -{verification["algorithm"]} -hmac "$secret" -binary'
    return [f"signature=$(printf %s \"$body\" | {digest} | base64 | tr -d '\\n')"]


def _hex(signed: str, algorithm: str = "sha256") -> str:
    return f'signature=$(printf %s "{signed}" | openssl dgst -{algorithm} -hmac "$secret" | {HEX})'


def _basic(verification: Mapping[str, str]) -> tuple[list[str], list[str]]:
    return [TAKEN], [f'-u {quote(verification["username"])}:"$secret"']


def _hmac(verification: Mapping[str, str]) -> tuple[list[str], list[str]]:
    return [TAKEN], [f'-H {quote(verification["header"] + ": " + verification["prefix"])}"$signature"']


_SCHEMES = {
    "none": lambda _: ([], []),
    "standard": lambda _: (
        [TAKEN],
        ['-H "webhook-id: $id"', '-H "webhook-timestamp: $now"', '-H "webhook-signature: v1,$signature"'],
    ),
    "github": lambda _: ([TAKEN], ['-H "X-Hub-Signature-256: sha256=$signature"']),
    "stripe": lambda _: ([TAKEN], ['-H "Stripe-Signature: t=$now,v1=$signature"']),
    "slack": lambda _: (
        [TAKEN],
        ['-H "X-Slack-Request-Timestamp: $now"', '-H "X-Slack-Signature: v0=$signature"'],
    ),
    "bearer": lambda _: ([TAKEN], ['-H "Authorization: Bearer $secret"']),
    "basic": _basic,
    "hmac": _hmac,
}
