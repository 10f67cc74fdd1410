"""Every field has a verdict: the tables cover the official SDK's parameters, and the generated page
shows them as they are.
"""

import typing

import pytest
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params

from tests.matrix import PAGE, TABLES, page
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
