"""A tool loop: what Gemini says comes back to it as it said it, by way of a caller who keeps what
an answer holds.
"""

from typing import Any

import pytest

from tests.translators.gemini.models import RECORDS
from tests.translators.gemini.streams import SIGNATURE, envelope
from translators import gemini
from translators.chat.request import parse
from translators.dialect import Target
from translators.json_codec import dumps, loads

OTHER = "c2lnbmF0dXJl"
CALL = {
    "functionCall": {"id": "a", "name": "w", "args": {"c": "Oslo", "n": [1, 2.5, None]}},
    "thoughtSignature": SIGNATURE,
}
SECOND = {"functionCall": {"id": "b", "name": "w", "args": {}}}
SEARCH = {
    "toolCall": {"id": "s1", "toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": ["x"]}},
    "thoughtSignature": OTHER,
}
CODE = {"executableCode": {"language": "PYTHON", "code": "1"}}
FOUND = {
    "toolResponse": {"id": "s1", "toolType": "GOOGLE_SEARCH_WEB", "response": {"x": 1}},
    "thoughtSignature": OTHER,
}


@pytest.mark.parametrize("parts", [
    pytest.param([CALL, SECOND], id="calls"),
    pytest.param([{"text": "Let me see."}, CALL, SECOND], id="text_and_calls"),
    pytest.param([{"text": "Let me see.", "thoughtSignature": OTHER}, CALL],
     id="signed_text_and_call"),
    pytest.param([{"text": "Cold.", "thoughtSignature": OTHER}], id="signed_text"),
    pytest.param([{"text": "a", "thoughtSignature": OTHER}, {"text": "b"}], id="signed_text_first"),
    pytest.param([CALL, {"text": "then"}], id="text_behind_a_call"),
    pytest.param([{"text": "Hm."}, SEARCH, FOUND, {"text": "Cold.", "thoughtSignature": OTHER},
     CALL], id="server_tools"),
    pytest.param([CODE, {"codeExecutionResult": {"outcome": "OUTCOME_OK"}}, {"text": "1"}],
     id="code"),
])  # fmt: skip
def test_a_turn_comes_back_as_it_was(parts: list[dict[str, Any]]) -> None:
    answer = {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [{"text": "Thinking", "thought": True}, *parts],
                },
                "finishReason": "STOP",
            }
        ]
    }
    message = gemini.parse_response(dumps(answer), envelope())["choices"][0]["message"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "ok"}
        for call in message.get("tool_calls", ())
    ]
    messages = [
        {"role": "user", "content": "Hi"},
        message,
        *results,
        {"role": "user", "content": "Go on."},
    ]
    target = Target(
        "gemini", "gemini", "https://g.example", "gemini-3.5-flash", RECORDS["gemini-3.5-flash"]
    )
    built = gemini.build_request(parse({"model": "m", "messages": messages}), target)
    assert loads(built.body)["contents"][1] == {"role": "model", "parts": parts}
    assert built.notes == ()
