"""What a server counted, as OpenAI counts it."""

from translators.json_codec import JsonObject


def mend_usage(usage: JsonObject) -> bool:
    """Count reasoning among the completion's tokens where the server counts it beside them (xAI).
    Whether anything changed.
    """
    details = usage.get("completion_tokens_details")
    if not details or details.__class__ is not dict:
        return False
    reasoning = details.get("reasoning_tokens")
    if not reasoning or reasoning.__class__ is not int:
        return False
    prompt, completion, total = (
        usage.get("prompt_tokens"),
        usage.get("completion_tokens"),
        usage.get("total_tokens"),
    )
    if (
        prompt.__class__ is not int
        or completion.__class__ is not int
        or total != prompt + completion + reasoning
    ):
        return False
    usage["completion_tokens"] = completion + reasoning
    return True
