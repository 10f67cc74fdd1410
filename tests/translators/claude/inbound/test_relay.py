"""Relays lose nothing: random bodies and streams go through byte for byte, but for what is
named."""

import json
import random
from typing import Any

import pytest

from tests.translators.claude.inbound.golden import RECORDS, target_of
from translators.chat.chunks import Relayed
from translators.claude.inbound import read_request
from translators.claude.inbound.relay_edits import relayed_body
from translators.claude.inbound.relay_stream import RelayedStream, renamed_message
from translators.dialect import Envelope, Target
from translators.dialect.inbound import Call, Overlay
from translators.failures import malformed
from translators.json_codec import dumps, loads
from translators.notes import Report

WORDS = (
    '"model"',
    "é",
    "\\u00e9",
    "\\ud83d\\ude00",
    "\\n",
    "a b",
    '\\"',
    "{",
    "]",
    ":",
    "messages",
    "\u2028",
    "",
)
NAMES = ("novel", "x_y", "type", "model", "cache_control", "text", "é", "name")


class Draw:
    """JSON texts of random shape, spaces and forms."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def space(self) -> str:
        return self.random.choice(("", "", "", " ", "\n", "\t ", "\r\n"))

    def string(self) -> str:
        inside = "".join(self.random.choice(WORDS) for _ in range(self.random.randint(0, 4)))
        return '"' + inside.replace('"', "'").replace("\\'", '\\"') + '"'

    def value(self, depth: int = 0) -> str:
        kind = self.random.randint(0, 9 if depth < 4 else 6)
        if kind < 3:
            return self.string()
        if kind < 7:
            return self.random.choice(
                ("1e2", "-0.0", "12345678901234567890", "1.50", "true", "null", "false")
            )
        many = range(self.random.randint(0, 3))
        if kind < 9:
            pairs = [
                (f"{name}", self.value(depth + 1)) for name in self.random.sample(NAMES, len(many))
            ]
            return self.object(pairs)
        return self.array([self.value(depth + 1) for _ in many])

    def object(self, pairs: list[tuple[str, str]]) -> str:
        s = self.space
        return (
            "{"
            + s()
            + f"{s()},{s()}".join(f'"{name}"{s()}:{s()}{value}' for name, value in pairs)
            + s()
            + "}"
        )

    def array(self, values: list[str]) -> str:
        s = self.space
        return "[" + s() + f"{s()},{s()}".join(values) + s() + "]"

    def block(self) -> str:
        kind = self.random.choice(("text", "hologram", "image", "tool_use", "document"))
        extra = [
            ("extra", self.value(1)),
            ("cache_control", '{"type":"ephemeral"}'),
            ("text", self.string()),
        ]
        self.random.shuffle(extra)
        return self.object([("type", f'"{kind}"'), *extra])

    def body(self) -> str:
        turns = self.random.randint(1, 5)
        messages = []
        for i in range(turns):
            content = (
                self.string()
                if self.random.random() < 0.3
                else self.array([self.block() for _ in range(self.random.randint(1, 3))])
            )
            role = "user" if i % 2 == 0 else "assistant"
            pairs = [("role", f'"{role}"'), ("content", content), ("beside", self.value(2))]
            self.random.shuffle(pairs)
            messages.append(self.object(pairs))
        pairs = [
            ("model", '"asked"'),
            ("max_tokens", "100"),
            ("messages", self.array(messages)),
            *self.unknown(),
        ]
        self.random.shuffle(pairs)
        return self.space() + self.object(pairs) + self.space()

    def unknown(self) -> list[tuple[str, str]]:
        return [(f"field_{i}", self.value()) for i in range(self.random.randint(0, 6))]


def without_model(text: str) -> list[str]:
    """The text around the name that was asked."""
    return text.split('"asked"')


@pytest.mark.parametrize("seed", range(250))
def test_a_body_stays_byte_for_byte_but_for_the_model(seed: int) -> None:
    text = Draw(seed).body()
    report = Report()
    out = relayed_body(text, loads(text), Overlay(), target_of("claude"), report)
    before, behind = without_model(text)
    assert out == before + '"claude-model"' + behind
    assert report.notes == []


@pytest.mark.parametrize("seed", range(250, 400))
def test_a_personas_prompt_changes_nothing_but_system(seed: int) -> None:
    draw = Draw(seed)
    text = draw.body()
    system = draw.random.choice(
        (
            None,
            '"Be brief. \\u00e9"',
            "null",
            '""',
            "[ ]",
            '[{"type":"text","text":"x","novel":1e2}]',
        )
    )
    if system is not None:
        at = text.index('"max_tokens"')
        text = text[:at] + f'"system" : {system} , ' + text[at:]
    out = json.loads(
        relayed_body(text, loads(text), Overlay("Sign as Bo."), target_of("claude"), Report())
    )
    given = json.loads(text)
    own = given.pop("system", None)
    blocks = [{"type": "text", "text": own}] if isinstance(own, str) and own else own or []
    assert out.pop("system") == [*blocks, {"type": "text", "text": "Sign as Bo."}]
    assert out == {**given, "model": "claude-model"}


@pytest.mark.parametrize("looked_through", ["", ',"top_k":null'])
@pytest.mark.parametrize(
    ("overlay", "limit", "system", "added"),
    [
        (Overlay("Bo."), ',"max_tokens":5', "", ',"system":[{"type":"text","text":"Bo."}]'),
        (Overlay(values={"max_tokens": 9}), "", "", ',"max_tokens":9'),
        (
            Overlay("Bo.", values={"max_completion_tokens": 9}),
            "",
            "",
            ',"system":[{"type":"text","text":"Bo."}],"max_tokens":9',
        ),
        (Overlay("Bo.", "default"), ',"max_tokens":5', ',"system":"Own."', ""),
    ],
)
def test_what_a_persona_adds_stands_behind_the_model(
    overlay: Overlay, limit: str, system: str, added: str, looked_through: str
) -> None:
    """Whether a body is quickly seen to need nothing else, or looked through for it."""
    rest = f'{limit}{system},"messages":[{{"role":"user","content":"x"}}]{looked_through}}}'
    text = f'{{"model":"asked"{rest}'
    out = relayed_body(text, loads(text), overlay, target_of("claude"), Report())
    assert out == f'{{"model":"claude-model"{added}{rest}'


@pytest.mark.parametrize("seed", range(400, 500))
def test_what_claude_cannot_read_is_cut_and_nothing_else(seed: int) -> None:
    draw = Draw(seed)
    foreign = [
        '{"type":"thinking","thinking":"x","signature":"llmr1.e30"}',
        '{"type":"thinking","thinking":"","signature":""}',
    ]
    foreign += [
        '{"type":"redacted_thinking","data":"llmr1.e30"}',
        '{"type":"server_tool_use","id":"srvtoolu_llmr_1"}',
    ]
    own = [
        '{"type":"thinking","thinking":"","signature":"EqQB"}',
        '{"type":"text","text":"keep"}',
        draw.block(),
    ]
    blocks = [draw.random.choice(foreign + own) for _ in range(draw.random.randint(1, 6))]
    messages = [
        '{"role":"user","content":"x"}',
        draw.object([("role", '"assistant"'), ("content", draw.array(blocks))]),
    ]
    text = draw.object(
        [("model", '"asked"'), ("max_tokens", "9"), ("messages", draw.array(messages))]
    )
    out = json.loads(relayed_body(text, loads(text), Overlay(), target_of("claude"), Report()))
    kept = [json.loads(block) for block in blocks if block not in foreign]
    expected = [
        {"role": "user", "content": "x"},
        *([{"role": "assistant", "content": kept}] if kept else []),
    ]
    assert out["messages"] == expected


def event(draw: Draw, kind: str) -> bytes:
    document = draw.object([("type", f'"{kind}"'), ("index", "0"), *draw.unknown()])
    line = document.replace("\n", " ").replace("\r", " ")
    ending = draw.random.choice((b"\n", b"\n", b"\r\n"))
    return b"event: " + kind.encode() + ending + b"data: " + line.encode() + ending + ending


@pytest.mark.parametrize("seed", range(200))
def test_a_stream_stays_byte_for_byte_but_for_the_model(seed: int) -> None:
    draw = Draw(seed)
    head = (
        b'event: message_start\ndata: {"type":"message_start", "message":{"novel":1e2,"model":'
        b' "served","id":"m"},"model":"served"}\n\n'
    )
    kinds = [
        "content_block_start",
        "content_block_delta",
        "novel_event",
        "ping",
        "content_block_stop",
    ]
    middle = b"".join(
        event(draw, draw.random.choice(kinds)) for _ in range(draw.random.randint(0, 12))
    )
    end = event(draw, "message_delta") + b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    data = head + middle + end
    cuts = sorted(draw.random.randint(0, len(data)) for _ in range(draw.random.randint(0, 9)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    stream = RelayedStream(Envelope("i", 1, "m"), "my model é")
    out = b"".join(chunk.raw or b"" for piece in pieces for chunk in stream.receive(piece))
    assert out == data.replace(b'"model": "served"', '"model": "my model é"'.encode(), 1)
    assert stream.finished
    assert stream.failure is None


def test_a_json_answer_keeps_its_bytes_but_for_the_model() -> None:
    body = b'{ "id":"m", "model" : "served","content":[{"type":"x","model":"served"}],"novel":1e2 }'
    assert renamed_message(body, "served", "asked") == body.replace(b'"served"', b'"asked"', 1)


def test_nothing_commits_before_content() -> None:
    stream = RelayedStream(Envelope("i", 1, "m"), "asked")
    data = (
        b'event: message_start\ndata: {"type":"message_start","message":{}}\n\nevent: ping\ndata:'
        b' {"type":"ping"}\n\n'
    )
    data += b'event: content_block_start\ndata: {"type":"content_block_start"}\n\n'
    assert not any(chunk.commits for chunk in stream.receive(data))
    said = b'event: content_block_delta\ndata: {"type":"content_block_delta"}\n\n'
    assert [chunk.commits for chunk in stream.receive(said)] == [True]


@pytest.mark.parametrize("page", [b"<html>Sign in</html>", b"<html>Sign in</html>\n\n<p>"])
def test_a_page_in_place_of_a_stream_is_shown_to_nobody(page: bytes) -> None:
    stream = RelayedStream(Envelope("i", 1, "m"), "asked")
    chunks = [*stream.receive(page), *stream.receive_eof()]
    assert b"".join(chunk.raw for chunk in chunks if isinstance(chunk, Relayed)) == b""
    assert stream.failure == malformed("The provider sent something that is no event.")


NOTHING = Overlay()


def built(body: dict[str, Any], overlay: Overlay = NOTHING, **facts: Any) -> Any:
    """The body as it goes to a Claude model with these facts."""
    record = RECORDS["claude"].__class__(
        **{**{n: getattr(RECORDS["claude"], n) for n in RECORDS["claude"].__slots__}, **facts}
    )
    target = Target("claude", "claude", "u", "claude-model", record)
    given = {
        "model": "asked",
        "max_tokens": 9000,
        "messages": [{"role": "user", "content": "x"}],
        **body,
    }
    out = loads(relayed_body(dumps(given).decode(), given, overlay, target, Report()))
    return {name: value for name, value in out.items() if name not in ("model", "messages")} | (
        {"messages": out["messages"]} if "messages" in body else {}
    )


BUDGET: Any = RECORDS["claude"].thinking.__class__(kind="budget", max_budget=32_000)


@pytest.mark.parametrize(
    ("body", "overlay", "facts", "expected"),
    [
        ({}, Overlay(values={"max_completion_tokens": 50}), {}, {"max_tokens": 50}),
        ({"max_tokens": 99_000}, Overlay(), {}, {"max_tokens": 32_000}),
        (
            {"temperature": 0.2},
            Overlay(values={"temperature": 0.9}),
            {},
            {"max_tokens": 9000, "temperature": 0.9},
        ),
        (
            {"temperature": 0.2},
            Overlay(removed=frozenset({"temperature"})),
            {},
            {"max_tokens": 9000},
        ),
        (
            {"temperature": 0.2, "top_k": 3},
            Overlay(),
            {"sampling": "refused"},
            {"max_tokens": 9000},
        ),
        ({}, Overlay(values={"top_p": 0.5}), {}, {"max_tokens": 9000, "top_p": 0.5}),
        (
            {},
            Overlay(values={"service_tier": "default"}),
            {},
            {"max_tokens": 9000, "service_tier": "standard_only"},
        ),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high", "novel": 1}},
            Overlay(values={"reasoning_effort": "low"}),
            {},
            {
                "max_tokens": 9000,
                "thinking": {"type": "adaptive"},
                "output_config": {"effort": "low", "novel": 1},
            },
        ),
        (
            {"thinking": {"type": "adaptive"}},
            Overlay(values={"reasoning_effort": "none"}),
            {},
            {"max_tokens": 9000, "thinking": {"type": "disabled"}},
        ),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
            Overlay(),
            {"thinking": BUDGET},
            {"max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 2048}},
        ),
        (
            {"max_tokens": 900, "thinking": {"type": "adaptive"}},
            Overlay(),
            {"thinking": BUDGET},
            {"max_tokens": 900},
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            Overlay(),
            {"thinking": BUDGET},
            {"max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 2000}},
        ),
    ],
)
def test_the_personas_overlay_and_the_models_facts(
    body: Any, overlay: Overlay, facts: Any, expected: Any
) -> None:
    assert built(body, overlay, **facts) == expected


def test_a_model_without_system_messages_in_the_middle_gets_user_text() -> None:
    middle = {
        "role": "system",
        "content": [{"type": "text", "text": "Rhyme \u00e9."}],
        "clear_at": "next_user_message",
    }
    out = built(
        {
            "messages": [
                {"role": "user", "content": "x"},
                middle,
                {"role": "system", "content": "And."},
            ]
        },
        mid_system="wrap",
    )
    assert out["messages"][1:] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "<system-reminder>\nRhyme é.\n</system-reminder>"}
            ],
        },
        {"role": "user", "content": "<system-reminder>\nAnd.\n</system-reminder>"},
    ]


def test_refused_signatures_are_cut_with_thinking_that_would_then_be_missed() -> None:
    thought = {"type": "thinking", "thinking": "x", "signature": "EqQB"}
    call = {"type": "tool_use", "id": "a", "name": "t", "input": {}}
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": [thought, call]}]
    body = {"messages": messages, "thinking": {"type": "enabled", "budget_tokens": 2000}}
    kept = built(body, thinking=BUDGET)
    assert kept["messages"] == messages
    out = built(body, Overlay(keeps_reasoning=False), thinking=BUDGET)
    assert out["messages"][1]["content"] == [call]
    assert "thinking" not in out


@pytest.mark.parametrize("seed", range(60))
def test_any_body_that_is_relayed_is_also_read(seed: int) -> None:
    """What reading does not know becomes a need, never a refusal."""
    text = Draw(seed + 1000).body()
    document = loads(text)
    for message in document["messages"]:
        if isinstance(message["content"], list):
            message["content"] = [
                block for block in message["content"] if block["type"] in ("text", "hologram")
            ]
        message["content"] = message["content"] or "x"
        for block in message["content"] if isinstance(message["content"], list) else ():
            block["text"] = block.get("text") or "x"
    read = read_request(document, Call({}, "", text.encode(), len(text)))
    holograms = sum(
        block["type"] == "hologram"
        for m in document["messages"]
        if isinstance(m["content"], list)
        for block in m["content"]
    )
    assert len([need for need in read.origin.natives if need.endswith(".hologram")]) == holograms
