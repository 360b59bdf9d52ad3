"""The schemes of verification, with the examples that their own documents publish."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from app.errors import ValidationFailed
from app.services.signatures import SCHEMES, Call
from app.services.verification import delivery_id, is_genuine, new_secret, require_usable
from tests.api.sender import sha256, standard, stripe

SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
    b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SLACK_SIGNED = {
    "x-slack-request-timestamp": "1531420618",
    "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
}
# RFC 4231 (test case 2) and RFC 2202.
JEFE = b"what do ya want for nothing?"
JEFE_SIGNED = {
    "sha256": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    "sha1": "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
    "sha512": "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
    "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
}


def call(headers: dict[str, str], body: bytes = b"{}", at: float | None = None) -> Call:
    moment = datetime.fromtimestamp(time.time() if at is None else at, UTC)
    return Call("POST", {name.lower(): value for name, value in headers.items()}, {}, body, moment)


def genuine(scheme: str, secret: str | list[str], call: Call, **options: str) -> bool:
    secrets = [secret] if isinstance(secret, str) else secret
    return is_genuine(call, {"scheme": scheme, **options}, secrets)


def test_the_example_of_github_is_taken() -> None:
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    signed = call({"X-Hub-Signature-256": signature}, b"Hello, World!")

    assert genuine("github", "It's a Secret to Everybody", signed)
    assert not genuine("github", "It's a secret to everybody", signed)


@pytest.mark.parametrize(
    ("late", "taken"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)]
)
def test_the_example_of_slack_is_taken_for_five_minutes(late: int, taken: bool) -> None:
    signed = call(SLACK_SIGNED, SLACK_BODY, 1531420618 + late)

    assert genuine("slack", SLACK_SECRET, signed) == taken


@pytest.mark.parametrize(("late", "taken"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_a_signature_of_stripe_is_taken_for_five_minutes(late: int, taken: bool) -> None:
    signed = call(stripe("whsec_x", b"{}", 1492774577), b"{}", 1492774577 + late)

    assert genuine("stripe", "whsec_x", signed) == taken


def test_any_of_several_signatures_of_stripe_is_enough_but_v0_is_none() -> None:
    right, wrong = sha256("s", b"1492774577.{}"), "0" * 64

    def given(*signatures: str) -> Call:
        header = ",".join(["t=1492774577", *signatures])
        return call({"Stripe-Signature": header}, b"{}", 1492774577)

    assert genuine("stripe", "s", given(f"v1={wrong}", f"v1={right}"))
    assert not genuine("stripe", "s", given(f"v0={right}"))
    assert not genuine("stripe", "s", given(f"v1={right}", "t=1492774578"))


@pytest.mark.parametrize(("late", "taken"), [(-310, False), (-290, True), (290, True), (310, False)])
def test_a_signature_of_standard_webhooks_is_taken_for_five_minutes(late: int, taken: bool) -> None:
    secret = str(new_secret("standard"))

    assert genuine("standard", secret, call(standard(secret, b"{}", at=time.time() - late))) == taken


def test_any_of_several_signatures_of_standard_webhooks_is_enough() -> None:
    secret, other = str(new_secret("standard")), str(new_secret("standard"))
    headers = standard(secret, b"{}")
    wrong = standard(other, b"{}")["webhook-signature"]
    headers["webhook-signature"] = f"v1a,AAAA v1,unreadable v1 {wrong} {headers['webhook-signature']}"

    assert genuine("standard", secret, call(headers))


def test_a_body_that_is_no_text_is_refused_where_the_scheme_signs_text() -> None:
    secret = str(new_secret("standard"))

    assert not genuine("standard", secret, call(standard(secret, b"{}"), b"\xff"))


@pytest.mark.parametrize("algorithm", JEFE_SIGNED)
@pytest.mark.parametrize("prefix", ["", "v=", "sha: "])
def test_the_examples_of_the_hmac_rfcs_are_taken(algorithm: str, prefix: str) -> None:
    options = {"header": "X-Signed", "algorithm": algorithm, "encoding": "hex", "prefix": prefix}
    signature = JEFE_SIGNED[algorithm]

    assert genuine("hmac", "Jefe", call({"X-Signed": prefix + signature}, JEFE), **options)
    assert genuine("hmac", "Jefe", call({"X-Signed": prefix + signature.upper()}, JEFE), **options)
    assert not genuine("hmac", "Jefe", call({"X-Signed": f"x{prefix}{signature}"}, JEFE), **options)
    assert genuine("hmac", "Jefe", call({"X-Signed": signature}, JEFE), **options) is (prefix == "")
    assert not genuine("hmac", "Jefe", call({"X-Signed": prefix + signature[:-2]}, JEFE), **options)
    assert not genuine("hmac", "Jefe", call({"X-Signed": prefix + "é"}, JEFE), **options)


@pytest.mark.parametrize(
    ("username", "secret", "header"),
    [
        ("Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("test", "123£", "basic dGVzdDoxMjPCow=="),
    ],
)
def test_the_examples_of_rfc_7617_are_taken(username: str, secret: str, header: str) -> None:
    assert genuine("basic", secret, call({"Authorization": header}), username=username)
    assert not genuine("basic", secret + "!", call({"Authorization": header}), username=username)


def test_a_bearer_secret_is_compared_whole_and_in_its_case() -> None:
    assert genuine("bearer", "mF_9.B5f", call({"Authorization": "bearer mF_9.B5f"}))
    for given_header in ("Bearer mF_9.B5", "Bearer mf_9.b5f", "Basic mF_9.B5f", "mF_9.B5f", "Bearer", ""):
        assert not genuine("bearer", "mF_9.B5f", call({"Authorization": given_header}))


@pytest.mark.parametrize("scheme", [scheme for scheme in SCHEMES if scheme != "none"])
@given(data=st.data())
def test_no_header_of_any_shape_is_taken_or_breaks_a_scheme(scheme: str, data: st.DataObject) -> None:
    names = ["webhook-id", "webhook-timestamp", "webhook-signature", "x-hub-signature-256", "authorization"]
    names += ["stripe-signature", "x-slack-request-timestamp", "x-slack-signature", "x-signed"]
    words = st.sampled_from(
        ["v1,", "t=1,v1=", "sha256=", "v0=", "Basic ", "Bearer ", str(int(time.time())), "nan", "inf", "²"]
    )
    values = st.lists(words | st.text(st.characters(max_codepoint=255)), max_size=4).map("".join)
    headers = data.draw(st.dictionaries(st.sampled_from(names), values))
    options = {"username": "u", "header": "x-signed", "algorithm": "sha256", "encoding": "hex", "prefix": ""}

    assert not genuine(scheme, str(new_secret(scheme)), call(headers, data.draw(st.binary())), **options)


def test_each_live_secret_signs_and_without_one_nothing_does() -> None:
    signed = call({"Authorization": "Bearer old"})

    assert genuine("bearer", ["new", "old"], signed)
    assert not genuine("bearer", ["new"], signed)
    assert not is_genuine(signed, {"scheme": "bearer"}, [])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_made_secret_is_usable_and_never_the_same(scheme: str) -> None:
    secret = new_secret(scheme)

    require_usable(scheme, secret, "secret")

    assert (secret is None) == (scheme == "none")
    assert secret is None or secret != new_secret(scheme)


@pytest.mark.parametrize(
    ("scheme", "secret"),
    [
        ("none", "x"),
        ("standard", "x"),
        ("standard", "whsec_!"),
        ("standard", "whsec_" + "A" * 28),
        ("standard", "é"),
        ("github", "ends with a break\n"),
        ("basic", "has\x00 a NUL"),
        ("bearer", "has a space"),
        ("bearer", "schlüssel"),
    ],
)
def test_a_secret_that_a_scheme_cannot_use_is_refused(scheme: str, secret: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        require_usable(scheme, secret, "verification.secret")

    assert [fault.path for fault in refused.value.faults] == ["verification.secret"]


@pytest.mark.parametrize("secret", ["whsec_" + "A" * 32, "A" * 32, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_a_secret_of_standard_webhooks_signs_with_and_without_its_prefix(secret: str) -> None:
    require_usable("standard", secret, "secret")

    assert genuine("standard", secret, call(standard(Webhook(secret) and secret, b"{}")))


@pytest.mark.parametrize(
    ("scheme", "body", "headers", "wanted"),
    [
        ("none", b"{}", {}, None),
        ("none", b'{"id": "evt_1"}', {"Idempotency-Key": "k"}, "k"),
        ("github", b"{}", {"X-GitHub-Delivery": "d"}, "d"),
        ("standard", b"{}", {"webhook-id": "w", "Idempotency-Key": "k"}, "w"),
        ("stripe", b'{"id": "evt_1"}', {"Idempotency-Key": "k"}, "evt_1"),
        ("stripe", b'{"id": 7}', {"Idempotency-Key": "k"}, "k"),
        ("stripe", b"[", {}, None),
        ("slack", b'{"event_id": "Ev1"}', {}, "Ev1"),
        ("none", b"{}", {"webhook-id": "x" * 255}, "x" * 255),
    ],
)
def test_the_id_of_a_delivery_is_where_its_provider_puts_it(
    scheme: str, body: bytes, headers: dict[str, str], wanted: Any
) -> None:
    assert delivery_id(call(headers, body), {"scheme": scheme}) == wanted


def test_a_long_id_is_kept_as_its_hash() -> None:
    found = delivery_id(call({"webhook-id": "x" * 256}), {"scheme": "none"})

    assert found is not None
    assert found.startswith("sha256:")
    assert len(found) == 71


@pytest.mark.parametrize("scheme", ["github", "stripe", "slack", "basic", "hmac"])
def test_a_passphrase_may_sign_where_no_header_carries_it(scheme: str) -> None:
    require_usable(scheme, "a schlüssel of four words", "secret")
