"""`thinking` and `output_config` as the hub's effort, and what the caller sees of the reasoning."""

from typing import Any, Final, NamedTuple

from translators.claude.inbound.context import rejected
from translators.json_codec import JsonObject

_OFF: Final = ("disabled", "between_tools")
_ASKS: Final = ("adaptive", "enabled", "between_tools")
_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
_BUDGETS: Final = ((1024, "minimal"), (2048, "low"), (10_000, "medium"), (16_384, "high"))
_MOST: Final = "xhigh"


class Thinking(NamedTuple):
    """What a caller asks of the reasoning."""

    effort: str | None = None
    """None: the persona's or the model's default."""
    asked: bool = False
    shown: bool = False


def thinking_of(body: JsonObject, newest: Any) -> Thinking:
    """`newest`: the effort of the newest message that names one. Raises InvalidRequest."""
    config = body.get("thinking")
    if config is not None and config.__class__ is not dict:
        raise rejected("thinking", "Input should be a valid dictionary")
    config = config or {}
    kind = config.get("type")
    asked = kind in _ASKS
    shown = asked and config.get("display") != "omitted"
    if kind in _OFF:
        return Thinking("none", asked, shown)
    return Thinking(_effort(body, newest, kind, config), asked, shown)


def _effort(body: JsonObject, newest: Any, kind: Any, config: Any) -> str | None:
    output = body.get("output_config")
    if output is not None and output.__class__ is not dict:
        raise rejected("output_config", "Input should be a valid dictionary")
    given = newest if newest is not None else (output or {}).get("effort")
    if given is not None:
        if given not in _EFFORTS:
            rule = f"Input should be one of {', '.join(_EFFORTS)}"
            raise rejected("output_config.effort", rule)
        effort: str = given
        return effort
    if kind == "adaptive":
        return "medium"
    if kind != "enabled":
        return None
    budget = config.get("budget_tokens")
    if budget.__class__ is not int:
        raise rejected("thinking.enabled.budget_tokens", "Field required")
    return next((word for most, word in _BUDGETS if budget <= most), _MOST)
