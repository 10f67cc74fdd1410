"""Golden cases of embeddings: one JSON file each, what goes in and what must come out, for each
dialect of a provider."""

import json
from pathlib import Path
from typing import Any

from translators.capabilities import Embedding, ModelRecord
from translators.chat.embeddings import EmbeddingsRequest, finished, parse
from translators.chat.embeddings import write as write_answer
from translators.dialect import Target
from translators.errors import InvalidRequest, UpstreamError
from translators.gemini.inbound import embeddings as inbound
from translators.json_codec import loads
from translators.registry import EMBEDDINGS

HERE = Path(__file__).parent
REQUESTS = sorted((HERE / "requests").glob("*.json"))
RESPONSES = sorted((HERE / "responses").glob("*.json"))
FACTS = {
    "openai": Embedding(dimensions=6, shorten="request", tokens="cl100k_base"),
    "gemini": Embedding(dimensions=6, shorten="request", normalised="native_only"),
}
URLS = {"openai": "https://vectors.example/v1", "gemini": "https://vectors.example"}

Case = dict[str, Any]


def read(path: Path) -> Case:
    case: Case = json.loads(path.read_text("utf-8"))
    return case


def write(path: Path, case: Case) -> None:
    path.write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n", "utf-8")


def facts(case: Case, dialect: str) -> Embedding:
    written = case.get("facts")
    return FACTS[dialect] if written is None else Embedding(**written)


def asked(case: Case) -> EmbeddingsRequest:
    """In OpenAI's shape, or by one of Google's methods."""
    if "method" in case:
        return inbound.read(case["method"], "library", case["request"])
    return parse({"model": "library", **case["request"]})


def request_result(case: Case) -> Case:
    """What each dialect sends and reports, or the refusal."""
    try:
        request = asked(case)
    except InvalidRequest as error:
        return {"refused": {"message": error.message, "param": error.param, "code": error.code}}
    result = {}
    for dialect in sorted(FACTS):
        record = ModelRecord(
            context_window=100, max_output_tokens=1, embedding=facts(case, dialect)
        )
        built = EMBEDDINGS[dialect].build_embeddings(
            request, Target("shelf", dialect, URLS[dialect], "spines-1", record)
        )
        notes = [[note.kind, note.param, note.why] for note in built.notes]
        result[dialect] = {"url": built.url, "body": loads(built.body), "notes": notes}
    return result


def response_result(case: Case) -> Case:
    """What the caller is answered, byte by byte, or the failure."""
    request, dialect = asked(case), case["dialect"]
    try:
        answer = finished(
            EMBEDDINGS[dialect].parse_embeddings(case["answer"].encode(), request),
            request,
            facts(case, dialect),
        )
    except UpstreamError as error:
        return {"failure": {"kind": error.failure.kind.value, "message": error.failure.message}}
    tokens = answer.prompt_tokens or 0
    if "method" in case:
        return {"answer": inbound.write(case["method"], request, answer.vectors, tokens).decode()}
    return {
        "answer": write_answer(
            answer.vectors, request.encoding, answer.model or "spines-1", tokens
        ).decode()
    }
