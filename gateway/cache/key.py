"""What a request is known by: a digest of everything that its answer depends on."""

import hashlib
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from translators.json_codec import dumps

OF_NO_ANSWER: Final = frozenset({
    "model", "stream", "stream_options", "user", "safety_identifier", "metadata",
    "prompt_cache_key", "prompt_cache_retention",
})  # fmt: skip
"""Fields of the hub's request that no answer depends on: the persona stands for `model`."""
OF_NO_ANSWER_OF: Final[Mapping[str, frozenset[str]]] = {
    "claude": frozenset({"stream", "metadata"}),
    "responses": frozenset({"stream", "stream_options"}),
}
"""The same of a caller's own document. What an answer repeats is not among them."""
HEADERS: Final = ("anthropic-beta", "anthropic-version")
"""What callers say beside the document, and a relay passes on."""


class AnswerKey(NamedTuple):
    """Under which an answer is looked for."""

    shared: str
    """Of an answer that is shown whole and as a stream."""
    own: str
    """Of one that is relayed, and shown in the form that was asked for only. The same as `shared`
    for callers of the hub's own dialect."""


class Asked(NamedTuple):
    """All that counts."""

    tenant: str
    persona: str
    revision: str
    circumstances: tuple[Any, ...]
    """What decides how the request is routed and sent, beside its body."""
    body: Mapping[str, Any]
    """The hub's request, the persona laid over it."""
    dialect: str | None = None
    """The caller's, where it is not the hub's."""
    place: str = ""
    """The route, and what stands in its path."""
    document: Any = None
    """The caller's own, then."""
    headers: tuple[str | None, ...] = ()
    stream: bool = False


def key_of(asked: Asked) -> AnswerKey:
    """Raises ValueError for what JSON cannot say."""
    digest = hashlib.sha256(dumps(asked[:4]))
    digest.update(canonical(asked.body, OF_NO_ANSWER))
    if asked.dialect is None:
        shared = digest.hexdigest()
        return AnswerKey(shared, shared)
    digest.update(dumps([asked.dialect, asked.place, asked.headers]))
    document, left_out = asked.document, OF_NO_ANSWER_OF.get(asked.dialect, frozenset())
    digest.update(canonical(document, left_out) if isinstance(document, dict) else dumps(document))
    shared = digest.hexdigest()
    digest.update(b"stream" if asked.stream else b"whole")
    return AnswerKey(shared, digest.hexdigest())


def canonical(document: Mapping[str, Any], left_out: Collection[str]) -> bytes:
    """The fields in an order of their own. What is in them stays as it came: in schemas the order
    counts.
    """
    return dumps([(name, document[name]) for name in sorted(document) if name not in left_out])
