"""What Google's generateContent and streamGenerateContent refuse."""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tests.strict.refusal import Asked, Refused, names

_FIELDS: Final = {
    "request": (
        "contents systemInstruction tools toolConfig safetySettings cachedContent labels"
        " serviceTier store continuationToken generationConfig"
    ),
    "generationConfig": (
        "temperature topP topK candidateCount maxOutputTokens stopSequences seed presencePenalty"
        " frequencyPenalty responseLogprobs logprobs responseMimeType responseSchema"
        " responseJsonSchema responseFormat responseModalities mediaResolution speechConfig"
        " imageConfig audioTranscriptionConfig thinkingConfig enableEnhancedCivicAnswers"
    ),
    "content": "role parts",
    "part": (
        "text inlineData fileData functionCall functionResponse executableCode codeExecutionResult"
        " toolCall toolResponse thought thoughtSignature videoMetadata mediaResolution partMetadata"
    ),
    "inlineData": "mimeType data displayName",
    "fileData": "mimeType fileUri displayName",
    "functionCall": "id name args",
    "functionResponse": "id name response parts scheduling willContinue",
    "tool": (
        "functionDeclarations googleSearch googleSearchRetrieval codeExecution urlContext"
        " googleMaps fileSearch computerUse mcpServers"
    ),
    "declaration": (
        "name description parameters parametersJsonSchema response responseJsonSchema behavior"
    ),
    "thinkingConfig": "includeThoughts thinkingBudget thinkingLevel",
    "functionCallingConfig": "mode allowedFunctionNames",
}
_KNOWN: Final = {place: names(fields) for place, fields in _FIELDS.items()}
_DATA: Final = names(
    "text inlineData fileData functionCall functionResponse executableCode codeExecutionResult"
    " toolCall toolResponse"
)
_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}").fullmatch
_SENTINELS: Final = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
_MODES: Final = ("AUTO", "VALIDATED", "NONE", "ANY")


def check_access(headers: Mapping[str, str]) -> None:
    if not headers.get("x-goog-api-key", "").strip():
        raise Refused(
            "Method doesn't allow unregistered callers. Please use API Key or other form of API"
            " consumer identity.",
            status=403,
        )


def check(body: dict[str, Any], asked: Asked) -> None:
    request = _fields(body, "request", "")
    config = _fields(request.get("generationConfig") or {}, "generationConfig", "generation_config")
    old = asked.model.startswith("gemini-2")
    contents = [
        _content(content, index, old) for index, content in enumerate(request.get("contents") or [])
    ]
    if not contents:
        raise Refused("* GenerateContentRequest.contents: contents is not specified\n")
    _check_pairs(contents)
    if not old:
        _check_signatures(contents)
    tools = _tool_names(request.get("tools") or [])
    _check_output(config, old and bool(tools))
    _check_choice(request.get("toolConfig") or {}, tools)
    _fields(
        config.get("thinkingConfig") or {}, "thinkingConfig", "generation_config.thinking_config"
    )


def _fields(value: Any, place: str, where: str) -> dict[str, Any]:
    """An object with its known keys in camelCase: proto JSON takes snake_case as well."""
    if not isinstance(value, dict):
        raise Refused(f"Invalid value at '{where}': expected an object.", where)
    found = {re.sub(r"_([a-z])", lambda m: m[1].upper(), key): item for key, item in value.items()}
    if unknown := next((key for key in found if key not in _KNOWN[place]), None):
        at = f" at '{where}'" if where else ""
        raise Refused(
            f'Invalid JSON payload received. Unknown name "{unknown}"{at}: Cannot find field.',
            where,
        )
    return found


def _content(value: Any, index: int, old: bool) -> tuple[str, list[dict[str, Any]]]:
    """Role and checked parts."""
    content = _fields(value, "content", f"contents[{index}]")
    role = content.get("role", "user")
    if role not in ("user", "model"):
        raise Refused("Please use a valid role: user, model.")
    if not content.get("parts"):
        raise Refused(
            f"* GenerateContentRequest.contents[{index}].parts: contents.parts must not be empty.\n"
        )
    return role, [
        _part(part, f"contents[{index}].parts[{i}]", old) for i, part in enumerate(content["parts"])
    ]


def _part(value: Any, where: str, old: bool) -> dict[str, Any]:
    part = _fields(value, "part", where)
    data = _DATA & part.keys()
    if len(data) > 1:
        raise Refused(
            f"Invalid value at '{where}' (oneof), oneof field 'data' is already set. Cannot set"
            f" {sorted(data)[1]!r}",
            where,
        )
    if (not data or part.get("text") == "") and "thoughtSignature" not in part:
        raise Refused(
            f"* GenerateContentRequest.{where}.data: required oneof field 'data' must have one"
            " initialized field\n"
        )
    for kind in data & _KNOWN.keys():
        part[kind] = _fields(part[kind], kind, f"{where}.{kind}")
        if kind.startswith("function"):
            _check_function(part[kind], f"{where}.{kind}", old)
    if "inlineData" in part and not _is_base64(str(part["inlineData"].get("data", ""))):
        raise Refused(
            f"Invalid value at '{where}.inline_data.data' (TYPE_BYTES), Base64 decoding failed",
            where,
        )
    return part


def _check_function(function: dict[str, Any], where: str, old: bool) -> None:
    """A functionCall or a functionResponse."""
    if not isinstance(function.get("name"), str) or not function["name"]:
        raise Refused(f"* GenerateContentRequest.{where}.name: Name cannot be empty.\n")
    if not all(isinstance(function.get(key, {}), dict) for key in ("args", "response")):
        raise Refused(f"Invalid value at '{where}': a Struct is expected.", where)
    if old and "id" in function:
        raise Refused(
            f"Invalid JSON payload received. Unknown name \"id\" at '{where}': Cannot find field.",
            where,
        )


def _is_base64(text: str) -> bool:
    try:
        return bool(
            b64decode(
                text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4), validate=True
            )
        )
    except binascii.Error:
        return False


def _check_pairs(contents: list[tuple[str, list[dict[str, Any]]]]) -> None:
    """A turn of calls is followed at once by as many responses, with the same names and ids."""
    calls: list[dict[str, Any]] = []
    for role, parts in contents:
        responses = [part["functionResponse"] for part in parts if "functionResponse" in part]
        if len(responses) != len(calls):
            raise Refused(
                "Please ensure that the number of function response parts is equal to the number of"
                " function call parts of the function call turn."
            )
        if any(
            a["name"] != b["name"] or a.get("id") != b.get("id")
            for a, b in zip(calls, responses, strict=True)
        ):
            raise Refused(
                "Please ensure that function response parts have the names and ids of the function"
                " call parts."
            )
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        if calls and role != "model":
            raise Refused("Please ensure that function call turn comes from the model.")
    if calls:
        raise Refused(
            "Please ensure that function call turn is followed by a function response turn."
        )


def _check_signatures(contents: list[tuple[str, list[dict[str, Any]]]]) -> None:
    """In the current turn each first call of a batch carries its signature (from the third
    generation on).
    """
    for role, parts in reversed(contents):
        if role == "user" and not any("functionResponse" in part for part in parts):
            return
        first = next((part for part in parts if "functionCall" in part), None)
        signature = first.get("thoughtSignature") if first else "none"
        if first and not signature:
            name = first["functionCall"]["name"]
            raise Refused(
                "Function call is missing a thought_signature in functionCall parts. Function call"
                f" `default_api:{name}`."
            )
        if first and signature not in _SENTINELS and not _is_base64(str(signature)):
            raise Refused("Corrupted thought signature.")


def _tool_names(tools: Iterable[Any]) -> set[str]:
    found: set[str] = set()
    for index, tool in enumerate(tools):
        where = f"tools[{index}]"
        for i, value in enumerate(_fields(tool, "tool", where).get("functionDeclarations") or ()):
            declaration = _fields(value, "declaration", f"{where}.function_declarations[{i}]")
            name = declaration.get("name", "")
            if not _NAME(name):
                raise Refused(
                    f"* GenerateContentRequest.{where}.function_declarations[{i}].name: Invalid"
                    " function name.\n"
                )
            if name in found:
                raise Refused(f"Duplicate function declaration found: {name}")
            if {"parameters", "parametersJsonSchema"} <= declaration.keys():
                raise Refused(
                    f"{where}.function_declarations[{i}]: parameters and parameters_json_schema are"
                    " exclusive."
                )
            found.add(name)
    return found


def _check_choice(config: dict[str, Any], tools: set[str]) -> None:
    calling = _fields(
        config.get("functionCallingConfig") or {},
        "functionCallingConfig",
        "tool_config.function_calling_config",
    )
    mode, allowed = calling.get("mode", "AUTO"), calling.get("allowedFunctionNames") or []
    if mode not in _MODES:
        raise Refused(f"Invalid value at 'tool_config.function_calling_config.mode': \"{mode}\"")
    if allowed and (mode not in ("ANY", "VALIDATED") or not tools >= set(allowed)):
        raise Refused(
            "allowed_function_names should be declared functions, and set only when the mode is ANY"
            " or VALIDATED."
        )
    if mode == "ANY" and not tools:
        raise Refused("Function calling config is set without function_declarations.")


def _check_output(config: dict[str, Any], calls_without_json: bool) -> None:
    json = config.get("responseMimeType") == "application/json"
    schemas = [config[key] for key in ("responseSchema", "responseJsonSchema") if key in config]
    if schemas and not json:
        raise Refused("Response schema requires a response mime type of 'application/json'.")
    if len(schemas) > 1:
        raise Refused("response_schema and response_json_schema are exclusive.")
    if json and calls_without_json:
        raise Refused(
            "Function calling with a response mime type: 'application/json' is unsupported"
        )
