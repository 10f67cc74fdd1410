"""A turn that Claude paused, because its own tools take long: it goes on when the turn is sent back
as it is.
"""

from dataclasses import replace
from typing import Any, Final

from translators.claude.wire import THINKING, Block, thinking_block
from translators.dialect import UpstreamRequest
from translators.json_codec import dumps, loads

MOST_ROUNDS: Final = 5
"""How often one turn is taken up again; then the answer is given as far as it came, and says that
it was paused."""


def returned(blocks: list[Block]) -> list[Block]:
    """The blocks of a paused turn in the form that Claude takes back; none if the turn cannot be
    sent back.

    Calls of the caller's tools must be answered first, and a turn that ends with thinking is
    refused.
    """
    kept = [block for block in map(_returned, blocks) if block is not None]
    if any(block["type"] == "tool_use" for block in kept) or all(
        block["type"] in THINKING for block in kept
    ):
        return []
    if kept[-1]["type"] == "text":
        kept[-1] = {**kept[-1], "text": kept[-1]["text"].rstrip()}
    return kept


def _returned(block: Block) -> Block | None:
    if block["type"] in THINKING:
        return thinking_block(block)
    return block if block["type"] != "text" or block["text"].strip() else None


def taken_up(request: UpstreamRequest, blocks: list[Block], container: Any) -> UpstreamRequest:
    """`request` with the turn so far behind its messages, in the container that the turn's code ran
    in.
    """
    body = loads(request.body)
    body["messages"] = [*body["messages"], {"role": "assistant", "content": blocks}]
    if container.__class__ is dict and container.get("id"):
        asked = body.get("container")
        body["container"] = (
            {**asked, "id": container["id"]} if asked.__class__ is dict else container["id"]
        )
    return replace(request, body=dumps(body))
