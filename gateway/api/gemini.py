"""Routes of Google's Gemini API, of the Gemini API and of Vertex: which method of a model is
called, and what there is not.
"""

from typing import Final

from aiohttp import web

from gateway.api.chat import Handler, chat
from gateway.api.embeddings import gemini_embeddings
from gateway.api.gemini_tokens import count_tokens
from gateway.api.request import Request
from gateway.errors import NotServed
from translators.gemini import inbound
from translators.gemini.inbound.embeddings import METHODS as EMBEDDING_METHODS
from translators.gemini.inbound.path import asked

_VERSIONS: Final = ("v1", "v1beta", "v1alpha", "v1beta1")
_VERTEX: Final = "projects/{project}/locations/{location}/"
PATHS: Final = tuple(
    f"/{version}/{place}models/{{id:.+}}"
    for version in _VERSIONS
    for place in ("", "publishers/{publisher}/", f"{_VERTEX}publishers/{{publisher}}/")
)
"""Where methods of models are called."""
_RESOURCES: Final[dict[str, str]] = {
    "files": "send inlineData or an https URL",
    "upload": "send inlineData or an https URL",
    "cachedContents": "send the content; providers cache prefixes by themselves",
    "batches": "send each request by itself",
    "interactions": "send the conversation with generateContent",
    "tunedModels": "",
    "operations": "",
    "corpora": "",
    "fileSearchStores": "",
}
"""What Google keeps and the gateway does not, and what to do instead."""
_OF_OTHERS: Final = ("files", "batches")
"""Which of them are resources of other APIs, too, under the same path."""
LISTS: Final = tuple(f"/{version}/models" for version in _VERSIONS[1:])
"""Where models are listed; `/v1/models` is OpenAI's, too."""
PUBLISHERS: Final = tuple(f"/{version}/publishers/{{publisher}}/models" for version in _VERSIONS)
"""Where Vertex lists them."""
PREFIXES: Final = (
    *(f"/{version}/" for version in _VERSIONS[1:]),
    *(f"/upload/{version}/" for version in _VERSIONS),
    *(f"/v1/{name}" for name in _RESOURCES if name not in _OF_OTHERS),
    "/v1/publishers/",
    "/v1/projects/",
)
"""Under these, errors are told in Google's shape, whether there is a route or not."""
_generate: Final = chat(inbound)


def _embeds(method: str) -> Handler:
    async def handler(http: Request) -> web.StreamResponse:
        return await gemini_embeddings(http, asked(http.raw_path).model, method)

    return handler


METHODS: Final[dict[str, Handler]] = {
    "generateContent": _generate,
    "streamGenerateContent": _generate,
    "countTokens": count_tokens,
    **{method: _embeds(method) for method in EMBEDDING_METHODS},
}
"""What answers each method of a model."""


async def call(http: Request) -> web.StreamResponse:
    """A method of a model. Raises NotServed, 501, for one that there is not."""
    handler = METHODS.get(http.raw_path.partition("?")[0].rpartition(":")[2])
    if handler is None:
        method = asked(http.raw_path).method
        handler = METHODS.get(method)
    if handler is None:
        raise NotServed(501, f"The method {method[:80]!r} is not supported.", "unsupported_method")
    return await handler(http)


async def unknown(http: Request) -> web.StreamResponse:
    """A path without a route. Raises NotServed: 501 for what Google has there, else 404."""
    segments = [segment.partition(":")[0] for segment in http.path.split("/")]
    name = next((segment for segment in segments if segment in _RESOURCES), None)
    if name is None:
        raise NotServed(404, f"Not Found: {http.method} {http.path[:200]}")
    instead = f": {_RESOURCES[name]}" if _RESOURCES[name] else ""
    raise NotServed(
        501, f"The resource {name!r} is not supported{instead}.", "unsupported_resource"
    )
