"""translators.chat.error_documents: the sentence, the codes, the parameter and the status of an
error, wherever they stand.
"""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.chat.error_documents import Told, plain_text, told
from translators.json_codec import dumps_str

RAW = dumps_str(
    {
        "error": {
            "message": "tools: names must be unique",
            "type": "invalid_request_error",
            "code": "duplicate",
            "param": "tools",
        }
    }
)

DOCUMENTS: dict[str, tuple[Any, Told]] = {
    "openai": (
        {"error": {"message": "m", "type": "t", "param": "p", "code": "c"}},
        Told("m", ("c", "t"), "c", "t", "p"),
    ),
    "openai, a status for a code": (
        {"error": {"message": "m", "type": None, "code": 429}},
        Told("m", status=429),
    ),
    "a string in its place": ({"error": "m"}, Told("m")),
    "xai": ({"code": "Client specified an invalid argument", "error": "m"}, Told("m")),
    "xai, a code": (
        {"code": "invalid-argument", "error": "m"},
        Told("m", ("invalid-argument",), "invalid-argument"),
    ),
    "google": (
        [
            {
                "error": {
                    "code": 400,
                    "message": "m",
                    "status": "INVALID_ARGUMENT",
                    "details": [{"reason": "X", "message": "n"}],
                }
            }
        ],
        Told("m", status=400),
    ),
    "vllm, without a wrapper": (
        {"object": "error", "message": "m", "type": "BadRequestError", "code": 400},
        Told("m", ("BadRequestError",), None, "BadRequestError", status=400),
    ),
    "fastapi": ({"detail": "m"}, Told("m")),
    "fastapi, a list": (
        {
            "detail": [
                {
                    "type": "missing",
                    "loc": ["body", "messages", 0, "name"],
                    "msg": "Field required",
                    "input": "secret",
                },
                {"type": "int_parsing", "loc": ["body"], "msg": "no int"},
            ]
        },
        Told(
            "messages[0].name: Field required; no int",
            ("missing",),
            "missing",
            None,
            "messages[0].name",
        ),
    ),
    "mistral": (
        {
            "object": "error",
            "message": {
                "detail": [
                    {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs"}
                ]
            },
            "type": "invalid_request_error",
            "code": None,
        },
        Told(
            "seed: Extra inputs",
            ("invalid_request_error", "extra_forbidden"),
            "extra_forbidden",
            "invalid_request_error",
            "seed",
        ),
    ),
    "openrouter, JSON in raw": (
        {
            "error": {
                "message": "Provider returned error",
                "code": 400,
                "metadata": {"raw": RAW, "provider_name": "X"},
            }
        },
        Told(
            "tools: names must be unique",
            ("duplicate", "invalid_request_error"),
            "duplicate",
            "invalid_request_error",
            "tools",
            400,
        ),
    ),
    "openrouter, text in raw": (
        {
            "error": {
                "message": "Provider returned error",
                "code": 502,
                "metadata": {"raw": "upstream is down"},
            }
        },
        Told("upstream is down", status=502),
    ),
    "openrouter, flagged": (
        {
            "error": {
                "code": 403,
                "message": "m",
                "metadata": {"reasons": ["x"], "flagged_input": "…", "provider_name": "P"},
            }
        },
        Told("m", status=403, flagged=True),
    ),
    "openrouter, typed": (
        {
            "error": {
                "code": 400,
                "message": "m",
                "metadata": {"error_type": "context_length_exceeded"},
            }
        },
        Told("m", ("context_length_exceeded",), status=400),
    ),
    "azure": (
        {
            "error": {
                "code": "content_filter",
                "message": "m",
                "status": 400,
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
            }
        },
        Told(
            "m",
            ("ResponsibleAIPolicyViolation", "content_filter"),
            "ResponsibleAIPolicyViolation",
            status=400,
        ),
    ),
    "minimax": ({"base_resp": {"status_code": 1026, "status_msg": "m"}}, Told("m", ("1026",))),
    "z.ai": ({"error": {"code": "1301", "message": "m"}}, Told("m", ("1301",), "1301")),
    "baidu": ({"error_code": 336003, "error_msg": "m"}, Told("m", ("336003",))),
    "dashscope": (
        {"code": "DataInspectionFailed", "message": "m", "request_id": "r"},
        Told("m", ("DataInspectionFailed",), "DataInspectionFailed"),
    ),
    "spring": (
        {"timestamp": "t", "status": 400, "error": "Bad Request", "message": "m", "path": "/"},
        Told("m", status=400),
    ),
    "problem+json": (
        {"type": "about:blank", "title": "Bad Request", "status": 422, "detail": "m"},
        Told("m", type="about:blank", status=422),
    ),
    "a list of errors": (
        {"errors": [{"message": "m", "code": "c"}, {"message": "n"}]},
        Told("m", ("c",), "c"),
    ),
    "a list of texts": ({"errors": ["m", "n"]}, Told("m")),
    "JSON as a message": (
        {"error": {"message": RAW, "type": "api_error"}},
        Told(
            "tools: names must be unique",
            ("duplicate", "invalid_request_error", "api_error"),
            "duplicate",
            "invalid_request_error",
            "tools",
        ),
    ),
    "JSON in details": (
        {
            "error": {
                "message": "Backend request failed",
                "details": dumps_str({"error": {"message": "m"}}),
            }
        },
        Told("m"),
    ),
    "msg": ({"code": 40001, "msg": "m"}, Told("m", ("40001",), "40001")),
    "a text": ("m", Told("m")),
    "a page": (
        (
            "<!DOCTYPE html><html><head><title>502</title><style>p {}</style></head><body><h1>Bad\n"
            " Gateway</h1></body></html>"
        ),
        Told("Bad Gateway"),
    ),
    "nothing": (None, Told()),
    "an empty error": ({"error": {}}, Told()),
    "a number": (5, Told()),
}


@pytest.mark.parametrize(("document", "expected"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_what_is_found(document: Any, expected: Told) -> None:
    assert told(document) == expected


def test_json_inside_a_sentence_is_not_read() -> None:
    """It may be the caller's own, sent back."""
    message = 'Invalid value: {"error":{"message":"x","code":"invalid_api_key"}}'
    assert told({"error": {"message": message, "type": "t"}}) == Told(message, ("t",), None, "t")


def test_control_characters_are_no_part_of_a_sentence() -> None:
    assert plain_text("a\x00b\x1b[31m\u2028c\n") == "a b [31m c"


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 2000)
    | st.sampled_from(["", "m", "c", RAW, "429", '{"error":', "[[[["]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "errors",
                    "detail",
                    "message",
                    "msg",
                    "loc",
                    "code",
                    "type",
                    "param",
                    "status",
                    "metadata",
                    "raw",
                    "details",
                    "reasons",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_any_document_is_read(document: Any) -> None:
    found = told(document)
    assert found.message is None or found.message.__class__ is str
    assert all(code.isascii() and len(code) <= 80 for code in found.codes)
    assert found.status is None or 400 <= found.status < 600


def test_a_large_document_takes_no_longer() -> None:
    wide: Any = {"detail": [{"msg": "x" * 100, "loc": ["body", i]} for i in range(5000)]}
    deep: Any = {"message": "m"}
    for _ in range(150):
        deep = {"error": deep, "errors": deep.get("error"), "metadata": {"raw": "x"}}
    started = time.process_time()
    assert len(told(wide).message or "") < 700
    told(deep)
    told("<style" * 200_000)
    told("<" * 1_000_000)
    assert time.process_time() - started < 0.5
