"""Embeddings of OpenAI and Gemini: the same text always gets the same vector."""

import hashlib
import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from gateway.simulator.dialects import Chat, Gemini
from gateway.simulator.exchange import Exchange
from translators.chat import embeddings as openais
from translators.chat.vectors import pack
from translators.gemini.inbound import embeddings as geminis

_NATIVE: Final = {"text-embedding-3-large": 3072, "openai": 1536, "gemini": 3072}
"""Dimensions, of a model or of all others of a dialect."""


def openai(document: Any, path: Mapping[str, str]) -> bytes:
    """The answer of /v1/embeddings. Raises InvalidRequest."""
    request = openais.parse(document)
    most = request.dimensions or _NATIVE.get(request.model, _NATIVE["openai"])
    made = [pack(vector(_said(each), most)) for each in request.inputs]
    return openais.write(made, request.encoding, request.model, _tokens(request.inputs))


def gemini(document: Any, path: Mapping[str, str]) -> bytes:
    """The answer of a method that makes embeddings. Raises InvalidRequest."""
    request = geminis.read(path["method"], path["model"], document)
    usual = request.dimensions or _NATIVE["gemini"]
    sizes = [native.get("outputDimensionality") or usual for native in request.natives or ()]
    made = [pack(vector(_said(each), n)) for each, n in zip(request.inputs, sizes, strict=True)]
    return geminis.write(path["method"], request, made, _tokens(request.inputs))


def vector(text: str, dimensions: int) -> list[float]:
    """A vector of length 1, made of a digest of the text."""
    digest = array(
        "H", hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(2 * dimensions)
    )
    values = [float(number - 2**15) for number in digest]
    length = math.sqrt(math.fsum(value * value for value in values)) or 1.0
    return [round(value / length, 8) for value in values]


def _said(item: openais.Input) -> str:
    return item if isinstance(item, str) else " ".join(map(str, item))


def _tokens(inputs: Sequence[openais.Input]) -> int:
    return sum(1 + len(item) // 4 if isinstance(item, str) else len(item) for item in inputs)


Embed = Callable[[Any, Mapping[str, str]], bytes]
ROUTES: Final[Mapping[str, tuple[type[Exchange], Embed]]] = {
    "/openai/v1/embeddings": (Chat, openai),
    r"/gemini/v1beta/models/{model:[^:]+}:{method:\w*[eE]mbedContents?}": (Gemini, gemini),
}
"""Who refuses, and what makes the answer."""
