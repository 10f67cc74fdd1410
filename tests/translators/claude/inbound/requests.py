"""Requests of Messages callers: bodies and headers."""

from typing import Any, Final

from tests.translators.claude.inbound.stories import TOOLS
from translators.claude.inbound.tokens import GEMINI, RESPONSES, write_token

_HELLO: Final = {"role": "user", "content": "Hello."}
_MARK: Final = {"type": "ephemeral"}
_PIXEL: Final = {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}
_PAPER: Final = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
_CLOSED: Final = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}
_ITEM: Final = {"type": "reasoning", "id": "rs_9", "summary": [], "encrypted_content": "b3BhcXVl"}


def _body(**more: Any) -> dict[str, Any]:
    return {"model": "asked", "max_tokens": 300, "messages": [_HELLO], **more}


def _said(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return _body(messages=list(messages), **more)


def _assistant(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def _user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def _text(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **more}


def _call(id: str, name: str = "tick", **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": given}


def _result(id: str, content: Any = "done", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id, "content": content, **more}


def _thought(text: str, signature: Any) -> dict[str, Any]:
    return {"type": "thinking", "thinking": text, "signature": signature}


_BODIES: Final[dict[str, dict[str, Any]]] = {
    "plain": _body(),
    "a system string": _body(system="Be brief."),
    "a billing line stays here": _body(
        system=[_text("x-anthropic-billing-header: v=1;"), _text("Be brief.")]
    ),
    "a billing line before other text": _body(system="x-anthropic-billing-header: v=2;\nBe brief."),
    "system blocks with marks": _body(system=[_text("One.", cache_control=_MARK), _text("Two.")]),
    "sampling": _body(temperature=0.4, top_p=0.9, top_k=20),
    "a limit that is too high": _body(max_tokens=90_000),
    "a user": _body(metadata={"user_id": "someone"}),
    "a long user": _body(metadata={"user_id": "u" * 80}),
    "an agent's user": _body(
        metadata={"user_id": '{"device_id":"d1","account_uuid":"a1","session_id":"s1"}'}
    ),
    "an older agent's user": _body(metadata={"user_id": "user_u1_session_s1"}),
    "stop sequences": _body(stop_sequences=["", "END"]),
    "tiers": _body(service_tier="standard_only"),
    "speed": _body(speed="fast", service_tier="auto"),
    "hints": _body(
        cache_control=_MARK,
        betas=["x"],
        tags={"a": "b"},
        context_management={"edits": [{"type": "clear_thinking_20251015"}]},
    ),
    "what only Claude has": _body(
        fallbacks=[{"model": "x"}], diagnostics={}, novel_field=1, safeguards={"type": "auto"}
    ),
    "edits that only Claude makes": _body(
        context_management={"edits": [{"type": "clear_tool_uses_20250919"}]}
    ),
    "tools": _body(tools=TOOLS, tool_choice={"type": "auto"}),
    "a forced tool": _body(tools=TOOLS, tool_choice={"type": "tool", "name": "tick"}),
    "any tool, one at a time": _body(
        tools=TOOLS, tool_choice={"type": "any", "disable_parallel_tool_use": True}
    ),
    "no tool": _body(tools=TOOLS, tool_choice={"type": "none"}),
    "a strict tool": _body(tools=[{"name": "n", "input_schema": _CLOSED, "strict": True}]),
    "a deferred tool": _body(
        tools=[*TOOLS, {"name": "late", "input_schema": {"type": "object"}, "defer_loading": True}]
    ),
    "a deferred tool that was found": _said(
        _HELLO,
        _assistant(_call("c1")),
        _user(_result("c1", [{"type": "tool_reference", "tool_name": "late"}])),
        tools=[*TOOLS, {"name": "late", "input_schema": {"type": "object"}, "defer_loading": True}],
    ),
    "typed tools": _body(
        tools=[
            {"type": "bash_20250124", "name": "bash"},
            {"type": "memory_20250818", "name": "memory"},
        ]
    ),
    "web search": _body(
        tools=[{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]
    ),
    "a tool that runs at Claude": _body(
        tools=[{"type": "code_execution_20250825", "name": "code_execution"}]
    ),
    "servers of Claude's": _body(
        mcp_servers=[{"type": "url", "name": "m", "url": "https://m.example"}]
    ),
    "an unknown block": _said(_user({"type": "hologram", "beam": 1}, _text("See?"))),
    "thinking adaptive": _body(thinking={"type": "adaptive"}),
    "thinking with a budget": _body(
        thinking={"type": "enabled", "budget_tokens": 2000}, max_tokens=4000
    ),
    "thinking off": _body(thinking={"type": "disabled"}),
    "effort": _body(thinking={"type": "adaptive"}, output_config={"effort": "max"}),
    "a format": _body(output_config={"format": {"type": "json_schema", "schema": _CLOSED}}),
    "an older format": _body(
        output_format={
            "type": "json_schema",
            "schema": {"type": "object", "properties": {"n": {"type": "string"}}},
        }
    ),
    "an image and a paper": _said(
        _user(
            {"type": "image", "source": _PIXEL},
            {"type": "document", "source": _PAPER, "title": "Notes"},
            _text("What?"),
        )
    ),
    "a document of text": _said(
        _user(
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "words"},
                "title": "T",
                "context": "C",
            }
        )
    ),
    "a search result": _said(
        _user({"type": "search_result", "source": "s", "title": "t", "content": [_text("found")]})
    ),
    "a file at Claude": _said(
        _user({"type": "image", "source": {"type": "file", "file_id": "f1"}})
    ),
    "a round of calls": _said(
        _HELLO,
        _assistant(_text("Yes."), _call("a"), _call("b", "look_up", word="x")),
        _user(_result("b"), _result("a"), _text("Go on.")),
        tools=TOOLS,
    ),
    "a result that failed": _said(
        _HELLO, _assistant(_call("a")), _user(_result("a", "no", is_error=True)), tools=TOOLS
    ),
    "a result with a picture": _said(
        _HELLO,
        _assistant(_call("a")),
        _user(_result("a", [_text("Look:"), {"type": "image", "source": _PIXEL}])),
        tools=TOOLS,
    ),
    "a call without its result": _said(
        _HELLO, _assistant(_call("a")), _user(_text("Never mind.")), tools=TOOLS
    ),
    "a result without its call": _said(_HELLO, _user(_result("gone", "stray"), _text("And?"))),
    "a second result for one call": _said(
        _HELLO, _assistant(_call("a")), _user(_result("a", "1"), _result("a", "2")), tools=TOOLS
    ),
    "a cut call comes back": _said(
        _HELLO, _assistant(_call("a", __unparsedToolInput="{")), _user(_result("a")), tools=TOOLS
    ),
    "a system message in the middle": _said(
        _HELLO,
        {"role": "system", "content": "From now on: rhyme."},
        _assistant(_text("Fine.")),
        _HELLO,
    ),
    "a system message for one turn": _said(
        _HELLO,
        {"role": "system", "content": [_text("Now.")], "clear_at": "next_user_message"},
        _assistant(_text("Ok.")),
        _HELLO,
    ),
    "an effort on the way": _said(
        _HELLO, {"role": "system", "content": [_text("Try.")], "output_config": {"effort": "high"}}
    ),
    "a prefill": _said(_HELLO, _assistant(_text("Once"))),
    "Claude's reasoning moves on": _said(
        _HELLO, _assistant(_thought("hm", "EqQB=="), _text("So.")), _HELLO
    ),
    "a marker moves on": _said(
        _HELLO, _assistant(_thought("hm", write_token("openai/m")), _text("So.")), _HELLO
    ),
    "a marker nobody can read": _said(
        _HELLO, _assistant(_thought("hm", "llmr9.%%%"), _text("So.")), _HELLO
    ),
    "signed items come back": _said(
        _HELLO,
        _assistant(
            _thought("", write_token("responses/responses-model", RESPONSES, [_ITEM])), _call("a")
        ),
        _user(_result("a")),
        tools=TOOLS,
    ),
    "a signed call comes back": _said(
        _HELLO,
        _assistant(_thought("", write_token("gemini/gemini-model", GEMINI, "c2ln")), _call("a")),
        _user(_result("a")),
        tools=TOOLS,
    ),
    "a search of ours comes back": _said(
        _HELLO,
        _assistant(
            _text(
                "Found.",
                citations=[
                    {
                        "type": "web_search_result_location",
                        "url": "u",
                        "title": "t",
                        "encrypted_index": "",
                        "cited_text": "",
                    }
                ],
            ),
            {"type": "server_tool_use", "id": "srvtoolu_llmr_1", "name": "web_search", "input": {}},
            {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_llmr_1", "content": []},
        ),
        _HELLO,
    ),
    "a compaction": _said(_assistant({"type": "compaction", "content": "They met."}), _HELLO),
    "a compaction nobody can read": _said(
        _assistant({"type": "compaction", "encrypted_content": "x"}), _HELLO
    ),
    "no limit": {"model": "asked", "messages": [_HELLO]},
    "no messages": _body(messages=[]),
    "a tool without a schema": _body(tools=[{"name": "n"}]),
    "an unknown role": _said({"role": "tool", "content": "x"}),
    "reasoning in a user's message": _said(_user(_thought("x", "y"))),
    "a format of another kind": _body(output_config={"format": {"type": "xml"}}),
}
_AGENT: Final = {"x-claude-code-session-id": "s9", "x-claude-code-agent-id": "a9"}
REQUESTS: Final[dict[str, tuple[dict[str, Any], dict[str, str]]]] = {
    **{name: (body, {}) for name, body in _BODIES.items()},
    "an agent's session": (_body(), _AGENT),
    "a session of the gateway's own": (_body(), {"x-llm-router-session": "mine"}),
}
