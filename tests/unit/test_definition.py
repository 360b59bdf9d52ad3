"""The structure of definitions: limits, defaults and strict types."""

import pytest
from marshmallow import ValidationError

import app.steps  # noqa: F401 - registers the step types
from app.steps.base import STEP_TYPES
from app.steps.definition import DefinitionSchema, RetrySchema, StepSchema
from app.steps.fields import (
    Anything,
    Boolean,
    Hole,
    Integer,
    Number,
    Object,
    Scalar,
    StepArgs,
    Template,
    Text,
    Verbatim,
    origin_is_fixed,
)
from app.steps.secrets import SecretRef, SecretText, UnknownSecret, reveal, reveal_url, secret_names

HOLE, SECRET = Hole("input.x"), SecretRef("A")


def test_a_step_has_defaults_for_all_that_was_left_out():
    step = StepSchema().load({"id": "a", "type": "transform"})

    assert step == {
        "id": "a",
        "type": "transform",
        "args": {},
        "for_each_concurrency": 10,
        "on_error": "fail",
        "run_on": "success",
    }


@pytest.mark.parametrize("step_id", ["a", "_", "Z_9", "a" * 63])
def test_an_id_is_up_to_63_letters_digits_and_underscores(step_id):
    assert StepSchema().load({"id": step_id, "type": "transform"})["id"] == step_id


@pytest.mark.parametrize("step_id", ["", "9", "a-b", "a.b", "a b", "é", "aé", "a" * 64, "prototype"])
def test_any_other_id_is_refused(step_id):
    with pytest.raises(ValidationError):
        StepSchema().load({"id": step_id, "type": "transform"})


def test_a_retry_has_defaults_for_all_that_was_left_out():
    assert RetrySchema().load({}) == {
        "attempts": 3,
        "backoff_seconds": 1,
        "factor": 2,
        "max_backoff_seconds": 300,
        "jitter": True,
    }


@pytest.mark.parametrize(
    "retry",
    [
        {"attempts": 0},
        {"attempts": 1.5},
        {"attempts": True},
        {"backoffSeconds": -1},
        {"backoffSeconds": "1"},
        {"factor": 0.5},
        {"maxBackoffSeconds": 86_401},
        {"jitter": "yes"},
        {"backoff_seconds": 1},
    ],
)
def test_a_retry_out_of_bounds_is_refused(retry):
    with pytest.raises(ValidationError):
        RetrySchema().load(retry)


def test_fields_are_camel_case_outside_and_snake_case_inside():
    step = {"id": "a", "type": "x", "forEach": "a", "forEachConcurrency": 2.0, "if": "b", "with": {"a": 1}}

    loaded = StepSchema().load(step)

    assert (loaded["for_each"], loaded["for_each_concurrency"]) == ("a", 2)
    assert (loaded["condition"], loaded["args"]) == ("b", {"a": 1})


def test_the_output_may_be_any_value():
    loaded = DefinitionSchema().load(
        {"steps": [{"id": "a", "type": "x"}], "output": None, "inputSchema": True}
    )

    assert loaded["output"] is None
    assert loaded["input_schema"] is True


class Args(StepArgs):
    """One field of each kind."""

    text = Text()
    scalar = Scalar()
    number = Number()
    whole = Integer()
    flag = Boolean()
    map = Object(keys=Text(), values=Scalar())
    any = Anything(allow_none=True)
    source = Verbatim()


@pytest.mark.parametrize(
    "args",
    [
        {"text": 5},
        {"text": None},
        {"scalar": {}},
        {"number": "1"},
        {"number": True},
        {"whole": 1.5},
        {"whole": "1"},
        {"flag": 1},
        {"flag": "true"},
        {"map": []},
        {"map": {"a": []}},
        {"source": 5},
        {"other": 1},
    ],
)
def test_values_of_the_wrong_type_are_refused(args):
    with pytest.raises(ValidationError):
        Args().load(args)


def test_scalars_are_written_as_json_would():
    values = {"a": True, "b": 1, "c": 1.5, "d": 2.0, "e": "x", "f": 1e300}

    assert Args().load({"map": values}) == {
        "map": {"a": "true", "b": "1", "c": "1.5", "d": "2", "e": "x", "f": "1e+300"}
    }


@pytest.mark.parametrize("name", ["text", "scalar", "number", "whole", "flag", "map", "any"])
def test_one_expression_may_stand_for_any_type_when_the_definition_is_saved(name):
    exact = Template((HOLE,))

    assert Args().load({name: exact}) == {name: exact}


@pytest.mark.parametrize(
    ("name", "allowed"), [("text", True), ("scalar", True), ("any", True), ("number", False), ("flag", False)]
)
@pytest.mark.parametrize("value", [Template(("a", HOLE)), SecretText((SECRET,)), Template((SECRET, HOLE))])
def test_text_with_expressions_or_secrets_only_fits_where_text_does(name, allowed, value):
    if allowed:
        assert Args().load({name: value}) == {name: value}
    else:
        with pytest.raises(ValidationError):
            Args().load({name: value})


@pytest.mark.parametrize(
    ("parts", "fixed"),
    [
        (("https://a.b/", HOLE), True),
        (("https://a.b?", HOLE), True),
        ((SECRET, "/x/", HOLE), True),
        ((SECRET, ":80/", HOLE), True),
        (("https://", SECRET, "/", HOLE), True),
        (("https://a.b", HOLE), False),
        (("https://a.b@", HOLE, "/"), False),
        ((HOLE, "/"), False),
        ((SECRET, HOLE), False),
        ((SECRET, "://", HOLE), False),
        ((SECRET, "//", HOLE), False),
        (("https://", SECRET, HOLE), False),
    ],
)
def test_an_expression_must_not_choose_the_host(parts, fixed):
    assert origin_is_fixed(Template(parts)) is fixed


def test_a_written_out_url_is_fixed():
    assert origin_is_fixed("https://a.b/")


def test_secrets_are_put_in_place_and_encoded_on_request():
    value = {"a": [SecretText(("x-", SECRET))], "b": 1}

    assert reveal(value, {"A": "a b"}, lambda text: text.replace(" ", "+")) == {"a": ["x-a+b"], "b": 1}
    assert secret_names(value) == {"A"}


def test_a_secret_in_a_url_is_encoded_behind_the_host_only():
    url = SecretText((SECRET, "/p/", SecretRef("B"), "?q=", SecretRef("B")))

    assert reveal_url(url, {"A": "https://a.b:80", "B": "x/y&z"}) == "https://a.b:80/p/x%2Fy%26z?q=x%2Fy%26z"
    assert reveal_url("https://a.b/", {}) == "https://a.b/"


def test_an_unknown_secret_is_named():
    with pytest.raises(UnknownSecret, match="A"):
        reveal(SecretText((SECRET,)), {})


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [("http", 30), ("transform", 10), ("code", 10), ("waitForSignal", 604_800), ("task", 300)],
)
def test_an_attempt_has_the_time_of_its_type_if_nothing_is_said(kind, seconds):
    assert STEP_TYPES[kind].timeout == seconds
