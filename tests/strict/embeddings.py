"""What the embeddings APIs of OpenAI and Google refuse."""

from typing import Any, Final

from tests.strict.refusal import Asked, Refused, known_fields, names

_OPENAI: Final = names("model input encoding_format dimensions user")
_GEMINI: Final = names("model content taskType title outputDimensionality embedContentConfig")


def check_openai(body: dict[str, Any], asked: Asked) -> None:
    given = body["input"]
    _check_inputs(given if isinstance(given, list) and not isinstance(given[0], int) else [given])
    if not isinstance(body["model"], str):
        raise Refused("you must provide a model parameter")
    if unknown := known_fields(body, _OPENAI):
        raise Refused(f"Unrecognized request argument supplied: {unknown}")


def _check_inputs(inputs: list[Any]) -> None:
    if len(inputs) > 2048:
        raise Refused("at most 2048 inputs can be in one request", "input", "invalid_value")
    if any(not each for each in inputs):
        raise Refused("Invalid 'input': it cannot be an empty string.", "input", "empty_string")


def check_gemini(body: dict[str, Any], asked: Asked) -> None:
    requests = body["requests"]
    if not 0 < len(requests) <= 100:
        raise Refused("at most 100 requests can be in one batch")
    for index, request in enumerate(requests):
        if request["model"] != f"models/{asked.model}":
            raise Refused(
                f"* BatchEmbedContentsRequest.requests[{index}].model: unexpected model name.\n"
            )
        if unknown := known_fields(request, _GEMINI):
            raise Refused(f"Unknown name \"{unknown}\" at 'requests[{index}]': Cannot find field.")
        if not request["content"]["parts"]:
            raise Refused(f"* BatchEmbedContentsRequest.requests[{index}].content: empty\n")
