"""The names of OpenTelemetry's conventions for generative AI, in the two vocabularies that are in
the world: what emitters and dashboards use today, and what the conventions' repository has next.
No other module has a literal of them.

https://opentelemetry.io/docs/specs/semconv/gen-ai/ ·
https://github.com/open-telemetry/semantic-conventions-genai
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

OPT_IN: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"
"""The environment variable by which the conventions let an operator choose."""
LATEST: Final = "gen_ai_latest_experimental"

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
CONVERSATION: Final = "gen_ai.conversation.id"
OUTPUT_TYPE: Final = "gen_ai.output.type"
TEXT, JSON = "text", "json"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHED_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
WRITTEN_TOKENS: Final = "gen_ai.usage.cache_creation.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
COST: Final = "gen_ai.usage.cost"
"""No standard name: what agentgateway and LiteLLM write."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Where the two differ."""

    schema_url: str
    asked: Mapping[str, str]
    """The attribute of each parameter of the hub's requests."""
    written_tokens: str = WRITTEN_TOKENS
    top_k: type[float] | type[int] = float
    """What that attribute is."""


_ASKED: Final = {
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_tokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "seed": "gen_ai.request.seed",
    "stop": "gen_ai.request.stop_sequences",
    "n": "gen_ai.request.choice.count",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
}
TODAY: Final = Vocabulary("https://opentelemetry.io/schemas/1.41.0", MappingProxyType(_ASKED))
NEXT: Final = Vocabulary(
    "https://opentelemetry.io/schemas/gen-ai/next",
    MappingProxyType({**_ASKED, "reasoning_effort": "gen_ai.request.reasoning.level"}),
    "gen_ai.usage.cache_write.input_tokens",
    int,
)

_BY_HOST: Final = {
    ".openai.azure.com": "azure.ai.openai",
    ".services.ai.azure.com": "azure.ai.openai",
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    ".amazonaws.com": "aws.bedrock",
    "api.mistral.ai": "mistral_ai",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "api.x.ai": "x_ai",
    "api.cohere.com": "cohere",
    "api.perplexity.ai": "perplexity",
}


def provider_name(name: str, host: str) -> str:
    """The conventions' word for a provider by the host of its URL; its own name for others."""
    return next((word for end, word in _BY_HOST.items() if host.endswith(end)), name)


def vocabulary(environ: Mapping[str, str]) -> Vocabulary:
    """The one that the operator chose."""
    chosen = [word.strip() for word in environ.get(OPT_IN, "").split(",")]
    return NEXT if LATEST in chosen else TODAY


METRIC_TOKENS: Final = "gen_ai_client_token_usage"
METRIC_DURATION: Final = "gen_ai_server_request_duration_seconds"
METRIC_FIRST_TOKEN: Final = "gen_ai_server_time_to_first_token_seconds"
METRIC_OUTPUT_TOKEN: Final = "gen_ai_server_time_per_output_token_seconds"
METRIC_LABELS: Final = (
    "gen_ai_operation_name",
    "gen_ai_provider_name",
    "gen_ai_original_model",
    "gen_ai_request_model",
    "gen_ai_response_model",
)
TOKEN_TYPE: Final = "gen_ai_token_type"
"""What dashboards made for other gateways ask for: as an exporter of OpenTelemetry writes
the conventions' names."""
EMBEDDINGS: Final = "embeddings"
CHAT: Final = "chat"
