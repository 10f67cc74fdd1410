"""What a persona adds to a relayed request stands behind the model, whether the request is quickly
seen to need nothing else or looked through for it."""

import pytest

from translators.capabilities import ModelRecord
from translators.dialect import Target
from translators.dialect.inbound import Call, Overlay
from translators.json_codec import loads
from translators.responses.inbound.dialect import read_request

INCLUDE = ',"include":["reasoning.encrypted_content"]'
TARGET = Target(
    "o", "openai", "https://api.example/v1", "m",
    ModelRecord(context_window=1000, max_output_tokens=100), "k",
)  # fmt: skip


@pytest.mark.parametrize("looked_through", ["", ',"temperature":null'])
@pytest.mark.parametrize(
    ("overlay", "own", "added"),
    [
        (Overlay("Bo."), "", ',"store":false,"instructions":"Bo."'),
        (Overlay("Bo."), ',"store":false', ',"instructions":"Bo."'),
        (Overlay(values={"max_tokens": 50}), "", ',"store":false,"max_output_tokens":50'),
        (
            Overlay("Bo.", values={"service_tier": "flex", "user": "u"}),
            "",
            ',"store":false,"instructions":"Bo.","service_tier":"flex","user":"u"',
        ),
    ],
)
def test_additions_stand_behind_the_model(
    overlay: Overlay, own: str, added: str, looked_through: str
) -> None:
    rest = f'{own},"input":[{{"role":"user","content":"x"}}]{looked_through}}}'
    text = f'{{"model":"p"{rest}'.encode()
    read = read_request(loads(text), Call(text=text, size=1))
    built = read.origin.relay(overlay).build_request(read.request, TARGET)
    assert built.body.decode() == f'{{"model":"m"{added}{INCLUDE}{rest}'


def test_a_value_that_the_caller_gave_is_edited_where_it_stands() -> None:
    text = b'{"model":"p","max_output_tokens" : 90,"input":"x"}'
    read = read_request(loads(text), Call(text=text, size=1))
    overlay = Overlay("Bo.", values={"max_completion_tokens": 50})
    built = read.origin.relay(overlay).build_request(read.request, TARGET)
    more = f',"store":false,"instructions":"Bo."{INCLUDE}'
    assert built.body.decode() == f'{{"model":"m"{more},"max_output_tokens" : 50,"input":"x"}}'
