"""Every field has a verdict: the tables cover the official SDK's parameters, and the generated page
shows them as they are.
"""

import typing

import pytest
from google.genai import types
from openai.types import embedding_create_params
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params, response_input_item_param, tool_param

from tests.matrix import FROM_GEMINI, PAGE, TABLES, page, told
from translators.capabilities import Embedding, ModelRecord
from translators.chat import embeddings, embeddings_fields
from translators.dialect import Target
from translators.gemini import embeddings as gemini_embeddings
from translators.gemini.inbound.normalization import camel_case
from translators.json_codec import loads
from translators.notes import Verdict
from translators.openai import embeddings as openai_embeddings
from translators.responses.inbound import conversation, item_fields
from translators.responses.inbound import fields as responses_inbound
from translators.responses.inbound.tools import NATIVE_TOOLS

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


def kinds_of(union: typing.Any) -> set[str]:
    """The values of `type` of everything in a union."""
    kinds: set[str] = set()
    for member in typing.get_args(union):
        if typing.get_args(member):
            kinds |= kinds_of(member)
            continue
        hint = typing.get_type_hints(member)["type"]
        literals = [hint, *typing.get_args(hint)]
        kinds |= {
            value for each in literals for value in typing.get_args(each) if isinstance(value, str)
        }
    return kinds


def test_every_item_and_tool_of_responses_has_a_verdict_that_the_reader_bears_out() -> None:
    items = kinds_of(response_input_item_param.ResponseInputItemParam)
    assert items - set(item_fields.ITEMS) == set()
    assert kinds_of(tool_param.ToolParam) - set(item_fields.TOOLS) == set()
    hosted = {kind for kind, verdict in item_fields.ITEMS.items() if verdict.kind == "rejected"}
    assert set(item_fields.ITEMS) - hosted == conversation.ITEMS | conversation.IGNORED
    hosted = {kind for kind, verdict in item_fields.TOOLS.items() if verdict.kind == "rejected"}
    assert hosted == NATIVE_TOOLS


def test_every_field_of_a_request_for_embeddings_has_a_verdict() -> None:
    openais = set(typing.get_type_hints(embedding_create_params.EmbeddingCreateParams))
    assert openais - set(embeddings_fields.FIELDS) == set()
    googles = {camel_case(name) for name in types.EmbedContentConfig.model_fields} - OF_CLIENTS
    assert googles - set(embeddings_fields.GEMINI_FIELDS) == set()


EMBEDDED: dict[str, typing.Any] = {
    "encoding_format": "base64",
    "dimensions": 4,
    "user": "u",
    "input_type": "query",
    "task_type": "RETRIEVAL_QUERY",
    "novel": 1,
}


@pytest.mark.parametrize("name", EMBEDDED)
def test_verdicts_on_embeddings_are_borne_out(name: str) -> None:
    asked = embeddings.parse({"model": "p", "input": "a goose", name: EMBEDDED[name]})
    facts = Embedding(dimensions=8, shorten="request")
    record = ModelRecord(context_window=8, max_output_tokens=1, embedding=facts)
    unknown = embeddings_fields.Verdicts(Verdict("relayed", ""), Verdict("dropped", ""))
    verdicts = embeddings_fields.FIELDS.get(name, unknown)
    for verdict, dialect, build in zip(
        verdicts, ("openai", "gemini"), (openai_embeddings, gemini_embeddings), strict=True
    ):
        target = Target("t", dialect, "http://t.example/v1", "m", record)
        built = build.build_embeddings(asked, target)
        dropped = [note.param for note in built.notes if note.kind == "dropped"]
        assert dropped == ([name] if verdict.kind == "dropped" else [])
        sent = loads(built.body)
        assert (name in sent) is (dialect == "openai" and verdict.kind in ("relayed", "depends"))


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
