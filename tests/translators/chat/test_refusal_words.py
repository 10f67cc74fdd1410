"""translators.chat.refusal_words: what servers say in words of their own, and what only sounds like
it.
"""

import time

import pytest

from translators.chat.refusal_words import is_larger_than_the_rate, key_is_refused, refusal
from translators.errors import FailureKind

K = FailureKind

OVERFLOWS = {
    "vllm": (
        400,
        (
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens"
            " (4500 in the messages, 500 in the completion). Please reduce the length of the"
            " messages or completion."
        ),
    ),
    "vllm 0.10": (
        400,
        (
            "This model's maximum context length is 4096 tokens. However, you requested 500 output"
            " tokens and your prompt contains at least 3900 input tokens, for a total of at least"
            " 4400 tokens."
        ),
    ),
    "vllm 0.14": (
        400,
        (
            "You passed 3900 input tokens and requested 500 output tokens. However, the model's"
            " context length is only 4096 tokens"
        ),
    ),
    "vllm limit": (
        400,
        (
            "'max_tokens' or 'max_completion_tokens' is too large: 500. This model's maximum"
            " context length is 4096 tokens and your request has 3900 input tokens (500 > 4096 -"
            " 3900)."
        ),
    ),
    "vllm decoder": (
        400,
        "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
    ),
    "vllm responses": (
        400,
        "The engine prompt length 5000 exceeds the max_model_len 4096. Please reduce prompt.",
    ),
    "sglang": (
        400,
        "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
    ),
    "sglang total": (
        400,
        (
            "Requested token count exceeds the model's maximum context length of 4096 tokens. You"
            " requested a total of 5000 tokens: 4500 tokens from the input messages and 500 tokens"
            " for the completion."
        ),
    ),
    "llama.cpp": (
        400,
        "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",
    ),
    "llama.cpp old": (
        500,
        (
            "the request exceeds the available context size. try increasing the context size or"
            " enable context shift"
        ),
    ),
    "llama.cpp shift": (500, "Context size has been exceeded."),
    "lm studio": (
        400,
        "The number of tokens to keep from the initial prompt is greater than the context length.",
    ),
    "lm studio new": (
        400,
        (
            "Trying to keep the first 5000 tokens when context the overflows. However, the model is"
            " loaded with context length of only 4096 tokens"
        ),
    ),
    "tgi": (
        422,
        (
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given:"
            " 5000 `inputs` tokens"
        ),
    ),
    "tgi input": (
        422,
        "Input validation error: `inputs` must have less than 4095 tokens. Given: 5000",
    ),
    "openrouter": (
        400,
        (
            "This endpoint's maximum context length is 4096 tokens. However, you requested about"
            " 5000 tokens."
        ),
    ),
    "poolside": (422, "Input length 5000 exceeds the maximum allowed input length of 4096 tokens."),
    "xai": (
        400,
        "This model's maximum prompt length is 4096 but the request contains 5000 tokens.",
    ),
    "mistral": (
        400,
        (
            "Prompt contains 5000 tokens and 0 draft tokens, too large for model with 4096 maximum"
            " context length"
        ),
    ),
    "groq": (400, "Please reduce the length of the messages or completion."),
    "cerebras": (
        413,
        (
            "Please reduce the length of the messages or completion. Current length is 5000 while"
            " limit is 4096"
        ),
    ),
    "z.ai": (400, "Prompt exceeds max length"),
    "moonshot": (
        400,
        "Invalid request: Your request exceeded model token limit: 4096 (requested: 5000)",
    ),
    "moonshot old": (400, "Invalid request: Input token length too long"),
    "fireworks": (400, "The prompt is too long: 5000, model maximum context length: 4096"),
    "ollama": (500, "prompt too long; exceeded max context length by 904 tokens"),
    "minimax": (400, "invalid params, context window exceeds limit (2013)"),
    "dashscope": (
        400,
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 4096]",
    ),
    "volcengine": (400, "Total tokens of image and text exceed max message tokens"),
    "bedrock": (400, "Input is too long for requested model."),
    "bedrock tokens": (
        400,
        "Too many input tokens. Max input tokens: 4096, request input token count: 5000",
    ),
    "copilot": (400, "prompt token count of 5000 exceeds the limit of 4096"),
    "claude": (400, "prompt is too long: 5000 tokens > 4096 maximum"),
    "claude total": (
        400,
        (
            "input length and `max_tokens` exceed context limit: 4000 + 500 > 4096, decrease input"
            " length or `max_tokens`"
        ),
    ),
    "gemini": (
        400,
        "The input token count (5000) exceeds the maximum number of tokens allowed (4096).",
    ),
    "openai": (
        400,
        (
            "Your input exceeds the context window of this model. Please adjust your input and try"
            " again."
        ),
    ),
    "openai configured": (
        400,
        (
            "Input tokens exceed the configured limit of 4096 tokens. Your messages resulted in"
            " 5000 tokens."
        ),
    ),
    "cohere": (400, "too many tokens: total number of tokens in the prompt cannot exceed 4096"),
    "omlx": (400, "prompt has 5000 tokens, but the configured context size is 4096 tokens"),
    "a proxy": (502, "Input length (5000) exceeds model's maximum context length (4096)."),
    "in chinese": (400, "输入内容超过最大长度限制"),
}

OTHERWISE = {
    "an output limit": (400, "Range of max_tokens should be [1, 4096]"),
    "an output limit of openai": (
        400,
        "max_tokens is too large: 50000. This model supports at most 16384 completion tokens.",
    ),
    "an output limit above the window": (
        400,
        (
            "'max_tokens' or 'max_completion_tokens' is too large: 9000. This model's maximum"
            " context length is 4096 tokens and your request has 20 input tokens (9000 > 4096 -"
            " 20)."
        ),
    ),
    "an output limit of deepseek": (
        400,
        "Invalid max_tokens value, the valid range of max_tokens is [1, 4096]",
    ),
    "an output limit of groq": (
        400,
        (
            "`max_tokens` must be less than or equal to `4096`, the maximum value for `max_tokens`"
            " is less than the `context_window` for this model"
        ),
    ),
    "an output limit in other words": (400, "max_output_tokens exceeds the limit of 4096"),
    "tokens a minute": (400, "Too many tokens, please wait before trying again."),
    "tokens a minute of claude": (
        400,
        "Number of request tokens has exceeded your per-minute rate limit",
    ),
    "a long name": (
        400,
        "Invalid 'user': string too long. Expected a string with maximum length 64",
    ),
    "a large image": (400, "Invalid image: the image is too large"),
    "a wrong type": (
        400,
        (
            "Invalid type for 'messages[0].content': expected one of a string or array, but got an"
            " object instead."
        ),
    ),
    "a wrong value": (400, "Invalid value for 'temperature'"),
    "json mode": (
        400,
        (
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type"
            " 'json_object'."
        ),
    ),
    "memory": (500, "CUDA out of memory"),
    "the window of another kind of trouble": (500, "failed to open the context window manager"),
    "case": (400, "参数大小写敏感"),
    "a refused key": (403, "Access denied: this key may not use the model"),
    "a banned account": (403, "Your account has been suspended for violating our usage policies"),
    "a blocked address": (403, "Sorry, you have been blocked"),
    "a blocked country": (403, "Country, region, or territory not supported"),
    "a policy behind a refused key": (401, "See our content policy"),
    "an unknown model": (404, "The model `tiny` does not exist or you do not have access to it."),
}

FLAGGED = {
    "openrouter": (
        403,
        (
            "The model requires moderation on its provider. Your input was flagged for"
            ' "harassment". No credits were charged.'
        ),
    ),
    "xai": (
        403,
        (
            "Content violates usage guidelines. Team: t1, API key ID: k1, Model: m, Failed check:"
            " SAFETY_CHECK_TYPE_BIO"
        ),
    ),
    "azure": (
        400,
        (
            "The response was filtered due to the prompt triggering Azure OpenAI's content"
            " management policy."
        ),
    ),
    "dashscope": (400, "Input data may contain inappropriate content."),
    "deepseek": (400, "Content Exists Risk"),
    "z.ai": (
        400,
        "System detected potentially unsafe or sensitive content in input or generation.",
    ),
    "moonshot": (400, "The request was rejected because it was considered high risk"),
    "openai": (
        400,
        "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
    ),
    "openai cyber": (400, "This content was flagged for possible cybersecurity risk."),
    "openai images": (400, "Your request was rejected as a result of our safety system."),
    "stepfun": (451, "The content you provided or machine outputted is blocked."),
    "claude": (400, "Output blocked by content filtering policy"),
    "minimax": (400, "input new_sensitive (1026)"),
    "a proxy": (400, "sensitive words detected"),
    "in chinese": (422, "抱歉，您所输入的内容含有违规信息"),
    "a guardrail": (403, "Request blocked by guardrail"),
}

BAD_OUTPUT = {
    "groq call": (
        400,
        (
            "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more"
            " details."
        ),
    ),
    "groq json": (
        400,
        (
            "Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more"
            " details."
        ),
    ),
    "groq parsing": (
        400,
        (
            "Parsing failed. The model generated output that could not be parsed. Please adjust"
            " your prompt."
        ),
    ),
    "groq unknown tool": (
        400,
        "tool call validation failed: attempted to call tool 'x' which was not in request.tools",
    ),
    "ollama": (500, "error parsing tool call: raw='{\"a\":', err=unexpected end of JSON input"),
    "ollama xml": (500, "XML syntax error on line 3: element <parameter> closed by </function>"),
    "llama.cpp": (500, "Failed to parse input at pos 12: <tool_call>"),
    "llama.cpp call": (500, "Failed to parse tool call arguments as JSON"),
    "vllm": (500, 'unexpected tokens remaining in message header: Some("to=functions.x")'),
    "openai": (
        500,
        (
            "The model produced invalid content. Consider modifying your prompt if you are seeing"
            " this error persistently."
        ),
    ),
    "internlm": (400, "Failed to parse fc related info to json format!"),
}

FACTS: dict[str, tuple[int, str, str, str | None]] = {
    "ollama": (
        400,
        "registry.ollama.ai/library/tiny:latest does not support tools",
        "tools_unsupported",
        None,
    ),
    "vllm": (
        400,
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        "tools_unsupported",
        None,
    ),
    "llama.cpp": (500, "tools param requires --jinja flag", "tools_unsupported", None),
    "openrouter": (
        404,
        "No endpoints found that support tool use. To learn more, visit: x",
        "tools_unsupported",
        None,
    ),
    "groq": (400, "`tool calling` is not supported with this model", "tools_unsupported", None),
    "a template without tools": (400, "'tool' role not supported", "tools_unsupported", None),
    "mistral template": (
        400,
        "Unexpected role 'tool' after role 'user'",
        "tools_unsupported",
        None,
    ),
    "openai images": (
        400,
        "Invalid content type. image_url is only supported by certain models.",
        "vision_unsupported",
        None,
    ),
    "siliconflow": (
        400,
        "Function call is not supported for this model.",
        "tools_unsupported",
        None,
    ),
    "deepseek": (400, "tiny-reasoner does not support Function Calling", "tools_unsupported", None),
    "bedrock": (400, "This model doesn't support tool use.", "tools_unsupported", None),
    "openrouter images": (
        404,
        "No endpoints found that support image input",
        "vision_unsupported",
        None,
    ),
    "vllm images": (400, "tiny is not a multimodal model", "vision_unsupported", None),
    "vllm no image": (
        400,
        "At most 0 image(s) may be provided in one prompt.",
        "vision_unsupported",
        None,
    ),
    "llama.cpp images": (
        500,
        "image input is not supported - hint: you may need to provide the mmproj",
        "vision_unsupported",
        None,
    ),
    "deepseek images": (
        400,
        (
            "Failed to deserialize the JSON body into the target type: messages[0]: unknown variant"
            " `image_url`, expected `text` at line 1 column 2"
        ),
        "vision_unsupported",
        None,
    ),
    "lm studio images": (
        400,
        "Model does not support images. Please use a model that does.",
        "vision_unsupported",
        None,
    ),
    "groq schema": (
        400,
        "This model does not support response format `json_schema`. See supported models",
        "json_schema_unsupported",
        None,
    ),
    "deepseek schema": (
        400,
        "This response_format type is unavailable now",
        "json_schema_unsupported",
        None,
    ),
    "openai name": (
        400,
        (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use"
            " 'max_completion_tokens' instead."
        ),
        "parameter_unsupported",
        "max_tokens",
    ),
    "openai value": (
        400,
        (
            "Unsupported value: 'temperature' does not support 0.2 with this model. Only the"
            " default (1) value is supported."
        ),
        "value_unsupported",
        "temperature",
    ),
    "openai unknown": (
        400,
        "Unrecognized request argument supplied: parallel_tool_calls",
        "parameter_unsupported",
        "parallel_tool_calls",
    ),
    "xai": (
        400,
        "Argument not supported on this model: presencePenalty",
        "parameter_unsupported",
        "presencePenalty",
    ),
    "xai effort": (
        400,
        "Model tiny-fast does not support parameter reasoningEffort.",
        "parameter_unsupported",
        "reasoningEffort",
    ),
    "groq effort": (
        400,
        "`reasoning_effort` is not supported with this model",
        "parameter_unsupported",
        "reasoning_effort",
    ),
    "groq logprobs": (
        400,
        "property 'logprobs' is unsupported",
        "parameter_unsupported",
        "logprobs",
    ),
    "fireworks": (
        400,
        "Extra inputs are not permitted, field: 'stream_options', value: {'include_usage': True}",
        "parameter_unsupported",
        "stream_options",
    ),
    "gemini": (
        400,
        'Invalid JSON payload received. Unknown name "parallel_tool_calls": Cannot find field.',
        "parameter_unsupported",
        "parallel_tool_calls",
    ),
    "fireworks message": (
        400,
        "Extra inputs are not permitted, field: 'messages[2].reasoning_content', value: 'hm'",
        "message_field_unsupported",
        "messages[2].reasoning_content",
    ),
    "groq message": (
        400,
        (
            "'messages.2' : for 'role:assistant' the following must be satisfied[('messages.2' :"
            " property 'reasoning' is unsupported)]"
        ),
        "message_field_unsupported",
        "reasoning",
    ),
    "mistral call": (
        400,
        "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.",
        "call_id_unsupported",
        None,
    ),
    "ollama thinking": (
        400,
        '"tiny" does not support thinking',
        "parameter_unsupported",
        "thinking",
    ),
    "deepseek choice": (
        400,
        "tiny-reasoner does not support this tool_choice",
        "value_unsupported",
        "tool_choice",
    ),
    "deepseek role": (
        400,
        (
            "Failed to deserialize the JSON body into the target type: messages[0].role: unknown"
            " variant `developer`, expected one of `system`, `user`"
        ),
        "role_unsupported",
        "developer",
    ),
    "a template": (500, "Jinja Exception: System role not supported", "role_unsupported", "System"),
}


@pytest.mark.parametrize(("status", "message"), OVERFLOWS.values(), ids=OVERFLOWS)
def test_a_prompt_that_is_too_long(status: int, message: str) -> None:
    assert refusal(status, message) == (K.CONTEXT_LENGTH, None, None)


@pytest.mark.parametrize(("status", "message"), OTHERWISE.values(), ids=OTHERWISE)
def test_what_only_sounds_like_it(status: int, message: str) -> None:
    found = refusal(status, message)
    assert found is None or found == (K.INVALID_REQUEST, "output_limit_exceeded", None)


@pytest.mark.parametrize(("status", "message"), FLAGGED.values(), ids=FLAGGED)
def test_a_prompt_that_was_flagged(status: int, message: str) -> None:
    assert refusal(status, message) == (K.CONTENT_FILTER, None, None)
    assert refusal(500, message) != (
        K.CONTENT_FILTER,
        None,
        None,
    ), "a fault of the server's may speak of its filter"
    assert refusal(500, message, accepted=True) == (
        K.CONTENT_FILTER,
        None,
        None,
    ), "but not inside an answer"


@pytest.mark.parametrize(("status", "message"), BAD_OUTPUT.values(), ids=BAD_OUTPUT)
def test_what_the_model_did_wrong(status: int, message: str) -> None:
    assert refusal(status, message) == (K.MODEL_OUTPUT, None, None)


@pytest.mark.parametrize(("status", "message", "fact", "param"), FACTS.values(), ids=FACTS)
def test_what_a_model_does_not_do(status: int, message: str, fact: str, param: str | None) -> None:
    assert refusal(status, message) == (K.UNSUPPORTED, fact, param)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Conversation roles must alternate user/assistant/user/assistant/..."),
        (400, "('messages.0.content' : value must be a string)"),
        (400, "Invalid schema for function 'find': 'x' is not of type 'object'"),
        (500, "JSON schema conversion failed: unsupported pattern"),
        (400, "The provided JSON schema contains features not supported by xgrammar."),
        (400, "'tools' : maximum number of items is 128"),
    ],
)
def test_a_servers_own_limit(status: int, message: str) -> None:
    assert refusal(status, message) == (K.UNSUPPORTED, None, None)


@pytest.mark.parametrize(
    ("status", "message", "fact", "param"), [f for f in FACTS.values() if f[3] is None], ids=str
)
def test_a_fact_is_not_believed_where_it_may_be_the_callers_words(
    status: int, message: str, fact: str, param: str | None
) -> None:
    """Servers repeat what they were sent; who could have them say this would take a target away
    from everybody.
    """
    for echo in (f"Input should be 'auto' or 'none': {message}", f"Invalid value:\n{message}"):
        found = refusal(status, echo)
        assert found is None or found.fact != fact


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (
            403,
            (
                "Your team has either used all available credits or reached its monthly spending"
                " limit."
            ),
        ),
        (402, "Insufficient Balance"),
        (400, "Access denied, please make sure your account is in good standing."),
        (403, "Key limit exceeded (monthly limit)."),
        (429, "This request requires more credits, or fewer max_tokens."),
    ],
)
def test_an_account_that_is_empty(status: int, message: str) -> None:
    assert refusal(status, message) == (K.QUOTA, None, None)


def test_nor_is_our_account_empty_because_a_caller_says_so() -> None:
    assert refusal(400, "Invalid value: 'insufficient balance'") is None


@pytest.mark.parametrize(
    ("status", "message", "refused"),
    [
        (400, "Incorrect API key provided: ab***. You can obtain one from the console.", True),
        (400, "API key not valid. Please pass a valid API key.", True),
        (422, "Invalid x-api-key", True),
        (400, "Invalid value: 'Incorrect API key provided'", False),
        (404, "Invalid API key", False),
    ],
)
def test_a_key_that_is_refused_with_a_status_that_blames_the_request(
    status: int, message: str, refused: bool
) -> None:
    assert key_is_refused(status, message) == refused


@pytest.mark.parametrize(
    ("message", "larger"),
    [
        (
            (
                "Request too large for model `tiny` in organization `x` on tokens per minute (TPM):"
                " Limit 6000, Requested 6500, please reduce"
            ),
            True,
        ),
        (
            (
                "Request too large for tiny in organization x on tokens per min (TPM): Limit 30000,"
                " Requested 65000."
            ),
            True,
        ),
        (
            (
                "Request too large for model `tiny` on output tokens per minute (OTPM): Limit 1000,"
                " Requested 2048"
            ),
            True,
        ),
        (
            (
                "Rate limit reached for tiny on tokens per min (TPM): Limit 30000, Used 29000,"
                " Requested 2000."
            ),
            False,
        ),
        ("Request too large", False),
    ],
)
def test_one_request_that_no_minute_has_room_for(message: str, larger: bool) -> None:
    assert is_larger_than_the_rate(message) == larger


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "'",
        "_",
        "input ",
        "content ",
        "model ",
        "prompt tokens ",
        "exceed ",
        "violates ",
        "context ",
        "is too large: 1 ",
        "[<",
    ],
)
def test_no_message_takes_long(piece: str) -> None:
    """Error bodies come from outside: an hour's worth of them must not stop the others."""
    message = piece * (1_000_000 // len(piece))
    started = time.process_time()
    for status in (400, 403, 404, 500):
        refusal(status, message)
    assert time.process_time() - started < 0.5
