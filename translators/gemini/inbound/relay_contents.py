"""Signatures in a relayed history: Gemini is sent its own, and no others."""

from collections.abc import Iterator
from typing import Final

from translators.capabilities import ModelRecord
from translators.dialect.inbound import Overlay
from translators.gemini.inbound.normalization import camel_case
from translators.gemini.inbound.signatures import is_sealed
from translators.gemini.request.thought_signatures import SENTINEL
from translators.json_codec import dumps_str
from translators.splices import Edit, Element, Member, cut, elements, insert_behind, members

_SIGNATURE: Final = "thoughtSignature"
_CALL: Final = "functionCall"


def signature_edits(
    text: str, contents: Member, overlay: Overlay, record: ModelRecord
) -> list[Edit]:
    """What takes foreign signatures off, and puts Gemini's stand-in where it demands one."""
    required = record.signatures == "required"
    calls = '"functionCall"' in text or '"function_call"' in text
    signed = '"thoughtSignature"' in text or '"thought_signature"' in text
    if not signed and not (required and calls):
        return []
    edits: list[Edit] = []
    called = False
    for model, part in _parts(text, contents):
        if not model:
            called = False
            continue
        found = members(text, part.start)
        named = {camel_case(member.name): member for member in found}
        signature, first = named.get(_SIGNATURE), _CALL in named and not called
        called = called or _CALL in named
        foreign = signature is not None and (
            not overlay.keeps_reasoning
            or (signature.value.__class__ is str and is_sealed(signature.value))
        )
        if first and required and (signature is None or foreign):
            edits.append(_stand_in(named[_CALL], signature))
        elif foreign and signature is not None:
            alone = all(member is signature for member in found)
            edits.append(
                Edit(part.start, part.end, '{"text":""}') if alone
                else cut(text, signature.start, signature.end)
            )  # fmt: skip
    return edits


def _stand_in(call: Member, signature: Member | None) -> Edit:
    if signature is None:
        return insert_behind(call, _SIGNATURE, dumps_str(SENTINEL))
    return Edit(signature.value_start, signature.end, dumps_str(SENTINEL))


def _parts(text: str, contents: Member) -> Iterator[tuple[bool, Element]]:
    """The parts that are objects, each with whether the model said it; for any other content one
    that is not the model's."""
    if contents.value.__class__ is not list:
        return
    for content in elements(text, contents.value_start):
        value = content.value
        if value.__class__ is not dict or value.get("role") != "model":
            yield False, content
            continue
        inner = next((each for each in members(text, content.start) if each.name == "parts"), None)
        if inner is None or inner.value.__class__ is not list:
            continue
        for part in elements(text, inner.value_start):
            if part.value.__class__ is dict:
                yield True, part
