"""Settings: what they default to, and the one line for each that is bad."""

import base64

import pytest

from app.settings import BadSetting, from_environment

NEEDED = {"DATABASE_URL": "postgres://u:p@h/x", "REDIS_URL": "redis://h", "SECRET_KEY": "s"}


def test_the_needed_ones_are_enough():
    settings = from_environment(NEEDED)

    assert settings.database_url == "postgresql+psycopg2://u:p@h/x"
    assert (settings.web_host, settings.port, settings.web_concurrency) == ("0.0.0.0", 8000, 1)


def test_a_blank_value_is_the_default():
    settings = from_environment(NEEDED | {"WEB_CONCURRENCY": " ", "GRANIAN_HOST": "", "PORT": " "})

    assert (settings.web_host, settings.port, settings.web_concurrency) == ("0.0.0.0", 8000, 1)


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_one_that_is_missing_is_named(name):
    with pytest.raises(BadSetting, match=f"{name} is not set"):
        from_environment(NEEDED | {name: " "})


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "SECRET_KEY", "METRICS_TOKEN"])
def test_bytes_that_are_no_text_are_named(name):
    with pytest.raises(BadSetting, match=f"{name} is not text in UTF-8"):
        from_environment(NEEDED | {name: NEEDED.get(name, "") + "\udcff"})


@pytest.mark.parametrize("value", ["-1", "x", "1.5", "\u0661", "9" * 5000, "257"])
def test_a_number_out_of_its_range_is_named(value):
    with pytest.raises(BadSetting, match=r"WEB_CONCURRENCY is '.*': it must be a whole number from 1 to 256"):
        from_environment(NEEDED | {"WEB_CONCURRENCY": value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "65536"),
        ("WEB_CONCURRENCY", "0"),
        ("WEB_THREADS", "0"),
        ("STREAM_LIMIT", "-1"),
        ("GRANIAN_HOST", "localhost"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("ENCRYPTION_KEYS", "a:" + base64.b64encode(b"short").decode()),
        ("DATABASE_URL", "mysql://h/x"),
        ("DATABASE_URL", "postgres://h:port/x"),
        ("REDIS_URL", "http://h"),
        ("REDIS_URL", "redis://h:port"),
        ("REDIS_URL", "redis://[::1"),
    ],
)
def test_a_bad_value_stops_with_one_line_that_names_it(name, value):
    with pytest.raises(BadSetting) as refused:
        from_environment(NEEDED | {name: value})

    assert name in str(refused.value)
    assert "\n" not in str(refused.value)
