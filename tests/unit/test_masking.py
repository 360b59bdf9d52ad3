"""Which forms of a secret's value are masked in what an execution stores."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from app.engine.masking import NO_SECRETS, Masker

# In base64 it has all of `+/` and so in the form for URLs all of `-_`; URLs and JSON must write it otherwise.
SECRET = 'a/é "s3cret"?>~>?\\value'
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "in a path": quote,
    "in a path, all of it": lambda text: quote(text, safe=""),
    "in a form": quote_plus,
    "in a URL, in lower case": lambda text: quote(text, safe="").lower(),
    "in a URL, each byte": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_secret_is_masked_inside_a_text(form: str) -> None:
    mask = Masker([SECRET])

    assert mask(f"<{FORMS[form](SECRET)}>").rstrip("=>") == "<***"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", ["", "u", "u:", "me:", "user:"])
def test_a_secret_in_the_base64_of_a_longer_text_is_masked(
    before: str, encode: Callable[[bytes], bytes]
) -> None:
    text = encode(f"{before}{SECRET} and more".encode()).decode()

    masked = Masker([SECRET])(text)

    assert "***" in masked
    assert len(masked) < len(text) - len(SECRET)


def test_in_json_keys_and_texts_and_numbers_are_masked_and_it_stays_json() -> None:
    stored = json.dumps({SECRET: [f"my {SECRET}", 12345678, 1234567, True, None]})

    masked = Masker([SECRET, "12345678"]).json(stored)

    assert json.loads(masked) == {"***": ["my ***", "***", 1234567, True, None]}


def test_of_two_secrets_the_longer_one_is_masked_whole() -> None:
    assert Masker(["s3cret-a", "s3cret-a-and-more"])("<s3cret-a-and-more> <s3cret-a>") == "<***> <***>"


def test_what_is_no_secret_stays() -> None:
    text = '{"a":"100 % of s3cre, a/b"}'

    assert Masker([SECRET]).json(text) == NO_SECRETS.json(text) == text
