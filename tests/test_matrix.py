"""Every field has a verdict: the tables cover the official SDK's parameters, and the generated page
shows them as they are.
"""

import typing

import pytest
from google.genai import types
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params

from tests.matrix import FROM_GEMINI, PAGE, TABLES, page, told
from translators.gemini.inbound.normalization import camel_case
from translators.notes import Verdict
from translators.responses.inbound import fields as responses_inbound

PARAMETERS = set(
    typing.get_type_hints(
        completion_create_params.CompletionCreateParamsStreaming, include_extras=True
    )
)


@pytest.mark.parametrize("dialect", TABLES)
def test_every_parameter_of_the_sdk_has_a_verdict(dialect: str) -> None:
    missing = PARAMETERS - set(TABLES[dialect])
    assert missing == set(), (
        f"the SDK has parameters that {dialect} says nothing of: add them to its fields.py"
    )


@pytest.mark.parametrize("dialect", TABLES)
def test_verdicts_are_sentences(dialect: str) -> None:
    for name, verdict in TABLES[dialect].items():
        assert isinstance(verdict, Verdict), name
        assert verdict.how.strip(), name


def test_every_parameter_of_responses_has_a_verdict() -> None:
    of_the_sdk = set(
        typing.get_type_hints(
            response_create_params.ResponseCreateParamsStreaming, include_extras=True
        )
    )
    assert of_the_sdk - set(responses_inbound.VERDICTS) == set()
    assert set(responses_inbound.RELAY_VERDICTS) <= set(responses_inbound.VERDICTS)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python -m tests.regenerate"


OF_CLIENTS = {
    "httpOptions",
    "shouldReturnHttpResponse",
    "automaticFunctionCalling",
    "automaticContinuation",
}
"""What google-genai's configuration holds for the client itself."""


@pytest.mark.parametrize(
    ("prefix", "kind"),
    [
        ("generationConfig.", types.GenerationConfig),
        ("part.", types.Part),
        ("tool.", types.Tool),
        ("generationConfig.thinkingConfig.", types.ThinkingConfig),
    ],
)
def test_every_field_of_googles_sdk_has_a_verdict(prefix: str, kind: typing.Any) -> None:
    fields = {prefix + camel_case(name) for name in kind.model_fields}
    assert fields - set(FROM_GEMINI) == set()


def test_every_setting_of_googles_sdk_has_a_verdict() -> None:
    settings = {camel_case(name) for name in types.GenerateContentConfig.model_fields} - OF_CLIENTS
    assert {
        name
        for name in settings
        if name not in FROM_GEMINI and f"generationConfig.{name}" not in FROM_GEMINI
    } == set()


@pytest.mark.parametrize("name", FROM_GEMINI)
def test_every_field_of_a_callers_dialect_says_what_comes_of_it(name: str) -> None:
    assert all(told(FROM_GEMINI[name], target) for target in TABLES)
