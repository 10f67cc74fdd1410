"""Embeddings of OpenAI and Gemini as their servers make them: the same text always gets the same
vector."""

import hashlib
import math
from array import array
from base64 import b64encode
from typing import Any, Final

from gateway.simulator.conversation import Incoming, Refused

_NATIVE: Final = {"text-embedding-3-large": 3072, "openai": 1536, "gemini": 3072}
"""Dimensions, of a model or of all others of a dialect."""
_MOST: Final = {"openai": 2048, "gemini": 100}
"""Inputs of one request."""
_MIDDLE: Final = 32768


def openai(body: dict[str, Any], incoming: Incoming) -> dict[str, Any]:
    """The answer of /v1/embeddings. Raises Refused."""
    given, model = body["input"], body["model"]
    inputs = given if isinstance(given, list) and not isinstance(given[0], int) else [given]
    _check("openai", inputs)
    dimensions = body.get("dimensions") or _NATIVE.get(model, _NATIVE["openai"])
    packed = body.get("encoding_format") == "base64"
    data = []
    for index, each in enumerate(inputs):
        values = vector(_said(each), dimensions)
        shown = b64encode(array("f", values).tobytes()).decode() if packed else values
        data.append({"object": "embedding", "index": index, "embedding": shown})
    tokens = sum(_tokens(each) for each in inputs)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": model, "usage": usage}


def gemini(body: dict[str, Any], incoming: Incoming) -> dict[str, Any]:
    """The answer of batchEmbedContents. Raises Refused."""
    requests = body["requests"]
    _check("gemini", requests)
    embeddings, tokens = [], 0
    for index, request in enumerate(requests):
        if request["model"] != f"models/{incoming.path['model']}":
            raise Refused(
                f"* BatchEmbedContentsRequest.requests[{index}].model: unexpected model name.\n"
            )
        text = "".join(part.get("text", "") for part in request["content"]["parts"])
        tokens += _tokens(text)
        embeddings.append(
            {"values": vector(text, request.get("outputDimensionality") or _NATIVE["gemini"])}
        )
    return {"embeddings": embeddings, "usageMetadata": {"promptTokenCount": tokens}}


def vector(text: str, dimensions: int) -> list[float]:
    """A vector of length 1, made of a digest of the text."""
    digest = array(
        "H", hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(2 * dimensions)
    )
    values = [float(number - _MIDDLE) for number in digest]
    length = math.sqrt(math.fsum(value * value for value in values)) or 1.0
    return [round(value / length, 8) for value in values]


def _check(dialect: str, inputs: list[Any]) -> None:
    if not inputs:
        raise Refused("Invalid 'input': empty array.", "input", "empty_array")
    if len(inputs) > _MOST[dialect]:
        raise Refused(f"at most {_MOST[dialect]} requests can be in one batch")
    if any(not each for each in inputs):
        raise Refused("Invalid 'input': it cannot be an empty string.", "input", "empty_string")


def _said(item: Any) -> str:
    return item if isinstance(item, str) else " ".join(map(str, item))


def _tokens(item: Any) -> int:
    return len(item) if isinstance(item, list) else 1 + len(item) // 4
