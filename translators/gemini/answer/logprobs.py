"""logprobsResult as the hub's logprobs."""

from typing import Any

from translators.json_access import as_list
from translators.json_codec import JsonObject


def logprobs(result: JsonObject) -> JsonObject:
    """`{content, refusal}`: each chosen token with those that were nearly chosen."""
    chosen, top = as_list(result.get("chosenCandidates")), as_list(result.get("topCandidates"))
    content = []
    for i, candidate in enumerate(chosen):
        alternatives = (
            as_list(top[i].get("candidates")) if i < len(top) and top[i].__class__ is dict else []
        )
        content.append(
            {**_token(candidate), "top_logprobs": [_token(other) for other in alternatives]}
        )
    return {"content": content, "refusal": None}


def _token(candidate: Any) -> JsonObject:
    candidate = candidate if candidate.__class__ is dict else {}
    token = str(candidate.get("token") or "")
    # Zero is left out on the wire.
    return {
        "token": token,
        "logprob": candidate.get("logProbability") or 0.0,
        "bytes": list(token.encode()),
    }
