"""gateway.routing.requirements: what a request needs and has, each with what in it says so."""

from typing import Any

import pytest

from gateway.config import Persona
from gateway.routing.requirements import derive
from tests.routing.worlds import targets
from translators.chat.request import ChatRequest

USER = {"role": "user", "content": "hi"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}


def derived(**body: Any) -> tuple[list[tuple[str, str]], set[str]]:
    needs, features = derive(ChatRequest({"model": "p", "messages": [USER], **body}), None)
    return [(need.capability, need.cause) for need in needs], set(features)


def said(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def file(**fields: Any) -> list[dict[str, Any]]:
    return said({"type": "file", "file": fields})


PART = "messages[0].content[0]"


@pytest.mark.parametrize(
    ("body", "needs", "features"),
    [
        ({}, [], set()),
        ({"stream": True}, [("streaming", "stream")], set()),
        ({"tools": [1]}, [("tool_calling", "tools")], {"tools"}),
        ({"functions": [1]}, [("tool_calling", "functions")], {"tools"}),
        ({"n": 0}, [], set()),
        ({"n": -3, "max_tokens": -1, "top_k": -1, "reasoning_effort": "default"}, [], set()),
        ({"tools": [], "n": 1, "logprobs": False, "modalities": ["text"]}, [], set()),
        (
            {"response_format": {"type": "json_schema"}},
            [("json_schema", "response_format")],
            {"json_schema"},
        ),
        ({"response_format": {"type": "json_object"}}, [], set()),
        ({"n": 2}, [("multiple_choices", "n")], set()),
        ({"logprobs": True}, [("logprobs", "logprobs")], set()),
        ({"modalities": ["text", "audio"]}, [("audio_output", "modalities")], set()),
        ({"modalities": ["image"]}, [("image_output", "modalities")], set()),
        ({"web_search_options": {}}, [("web_search", "web_search_options")], {"web_search"}),
        (
            {"messages": [USER, *said({"type": "text", "text": "x"}, IMAGE, IMAGE)]},
            [("vision", "messages[1].content[1]")],
            {"images"},
        ),
        ({"messages": said({"type": "video_url", "video_url": {}})}, [("video", PART)], {"video"}),
        (
            {"messages": said({"type": "input_audio", "input_audio": {}})},
            [("audio_input", PART)],
            {"audio"},
        ),
        (
            {"messages": file(file_data="data:application/pdf;base64,AA==")},
            [("pdf", PART)],
            {"files"},
        ),
        (
            {"messages": file(file_data="data:image/png;base64,AA==")},
            [("vision", PART)],
            {"files", "images"},
        ),
        ({"messages": file(file_data="data:text/plain;base64,AA==")}, [], {"files"}),
        ({"messages": file(file_data="AA==", filename="a.csv")}, [], {"files"}),
        (
            {
                "messages": said(
                    {"type": "image_url", "image_url": {"url": "data:application/pdf;base64,AA"}}
                )
            },
            [("pdf", PART)],
            {"files"},
        ),
        ({"messages": [USER, {"role": "assistant", "content": "x"}, USER]}, [], {"history"}),
        ({"reasoning_effort": "low"}, [], {"reasoning"}),
        ({"reasoning_effort": "none"}, [], set()),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, [], {"reasoning"}),
        ({"thinking": {"type": "disabled"}}, [], set()),
        ({"reasoning": {"effort": "high"}}, [], {"reasoning"}),
        ({"reasoning": {"effort": "none"}}, [], set()),
    ],
)
def test_of_a_request(
    body: dict[str, Any], needs: list[tuple[str, str]], features: set[str]
) -> None:
    assert derived(**body) == (needs, features)


def test_the_requests_own_cause_comes_before_the_personas() -> None:
    persona = Persona(name="p", targets=targets("a/m"), requires=frozenset({"streaming", "vision"}))
    needs, _ = derive(ChatRequest({"model": "p", "messages": [USER], "stream": True}), persona)
    assert [(need.capability, need.cause) for need in needs] == [
        ("streaming", "stream"),
        ("vision", "persona"),
    ]
