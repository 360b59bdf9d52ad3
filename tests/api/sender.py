"""A sender of webhooks, that signs as each provider's documentation says."""

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from standardwebhooks.webhooks import Webhook
from werkzeug.test import TestResponse

from tests.api.caller import Caller

JSON = "application/json"


def sha256(secret: str, message: bytes) -> str:
    """Give the HMAC in hex."""
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def standard(secret: str, body: bytes, id: str = "msg_1", at: float | None = None) -> dict[str, str]:
    """Sign with the library of the specification."""
    moment = datetime.fromtimestamp(int(at or time.time()), UTC)
    signature = Webhook(secret).sign(id, moment, body.decode())
    return {
        "webhook-id": id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signature,
    }


def github(secret: str, body: bytes, id: str = "72d3162e-cc78-11e3-81ab-4c9367dc0958") -> dict[str, str]:
    """Sign as GitHub's "Validating webhook deliveries" says."""
    return {"X-Hub-Signature-256": "sha256=" + sha256(secret, body), "X-GitHub-Delivery": id}


def stripe(secret: str, body: bytes, at: float | None = None) -> dict[str, str]:
    """Sign as Stripe's "Verify webhook signatures manually" says; v0 is the scheme of test events."""
    stamp = str(int(at or time.time()))
    signature = sha256(secret, stamp.encode() + b"." + body)
    return {"Stripe-Signature": f"t={stamp},v1={signature},v0=6ffbb59b2300aae63f272406069a9788"}


def slack(secret: str, body: bytes, at: float | None = None) -> dict[str, str]:
    """Sign as Slack's "Verifying requests from Slack" says."""
    stamp = str(int(at or time.time()))
    signature = "v0=" + sha256(secret, b"v0:" + stamp.encode() + b":" + body)
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature}


def bearer(secret: str, body: bytes) -> dict[str, str]:
    """Send the secret as RFC 6750 says."""
    return {"Authorization": f"Bearer {secret}"}


def basic(secret: str, body: bytes) -> dict[str, str]:
    """Send name and secret as RFC 7617 says."""
    return {"Authorization": "Basic " + base64.b64encode(f"deploy:{secret}".encode()).decode()}


def shopify(secret: str, body: bytes) -> dict[str, str]:
    """Sign as Shopify does: base64, without a prefix."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return {"X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode()}


SIGNERS: dict[str, Any] = {
    "standard": standard,
    "github": github,
    "stripe": stripe,
    "slack": slack,
    "bearer": bearer,
    "basic": basic,
    "hmac": shopify,
}
OPTIONS: dict[str, dict[str, str]] = {
    "basic": {"username": "deploy"},
    "hmac": {"header": "X-Shopify-Hmac-SHA256", "encoding": "base64"},
}


@dataclass
class Hook:
    """A webhook and who sends to it."""

    api: Caller
    made: dict[str, Any]

    @property
    def path(self) -> str:
        """Give the path of its management."""
        return f"{self.api.space}/webhooks/{self.made['id']}"

    def send(self, body: bytes = b"{}", method: str = "POST", **options: Any) -> TestResponse:
        """Send without a signature, as JSON unless told otherwise."""
        kind = {} if method == "GET" else {"content_type": options.pop("content_type", JSON), "data": body}
        return self.api.client.open(f"/webhooks/{self.made['id']}", method=method, **kind, **options)

    def send_signed(self, body: bytes = b"{}", secret: str | None = None, **options: Any) -> TestResponse:
        """Send with a signature as its scheme wants it."""
        sign = SIGNERS[self.made["verification"]["scheme"]]
        headers = sign(secret or self.made["secret"], body, **options.pop("signing", {}))
        return self.send(body, headers=headers | options.pop("headers", {}), **options)

    def deliveries(self) -> list[dict[str, Any]]:
        """Read its record, newest first."""
        found: list[dict[str, Any]] = self.api.get(f"{self.path}/deliveries?limit=200").json["data"]
        return found

    def executions(self) -> list[dict[str, Any]]:
        """Read what it made, newest first."""
        path = f"{self.api.space}/executions?webhookId={self.made['id']}&limit=200"
        found: list[dict[str, Any]] = self.api.get(path).json["data"]
        return found

    def input_of(self, reply: TestResponse) -> Any:
        """Read the input of the execution that an answer names."""
        return self.execution(reply)["input"]

    def execution(self, reply: TestResponse) -> dict[str, Any]:
        """Read the execution that an answer names."""
        assert reply.status_code in (200, 202), reply.text
        found: dict[str, Any] = self.api.get(f"{self.api.space}/executions/{reply.json['executionId']}").json
        return found


def new_hook(api: Caller, workflow: dict[str, Any], scheme: str = "none", **more: Any) -> Hook:
    """Make a webhook of a scheme."""
    verification = {"scheme": scheme, **OPTIONS.get(scheme, {}), **more.pop("verification", {})}
    body = {"name": "Orders", "workflowId": workflow["id"], "verification": verification, **more}
    reply = api.post(f"{api.space}/webhooks", body)
    assert reply.status_code == 201, reply.text
    return Hook(api, reply.json)
