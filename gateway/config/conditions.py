"""What a request must be like for a rule or a target: read straight from the file."""

import re
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from datetime import time
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field

from gateway.config.endpoints import HEADER_NAME
from gateway.config.errors import shown
from gateway.config.schema import DERIVED, OrText, Row, Written, derive, if_none, matching
from translators.capabilities import Capability

Feature = Literal[
    "tools", "images", "files", "audio", "video", "json_schema", "reasoning", "web_search",
    "history",
]  # fmt: skip
"""What a rule may ask of a request: history means that an assistant has spoken in it already."""
CAPABILITY_OF: Final[Mapping[Feature, Capability]] = {
    "tools": "tool_calling",
    "images": "vision",
    "audio": "audio_input",
    "video": "video",
    "json_schema": "json_schema",
    "web_search": "web_search",
}
"""What a target needs for a feature. Every model reads text files; reasoning can be left out."""
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = get_args(Day)
EVERY_DAY: Final = frozenset(range(7))

_SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
_SOME: Final = Field(min_length=1)


def _time(text: str) -> time:
    if not re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ValueError(f'must be a time of the day like "09:00", not {shown(text)}')
    return time(int(text[:2]), int(text[3:]))


def _days(days: tuple[Day, ...] | None) -> frozenset[int]:
    return EVERY_DAY if days is None else frozenset(map(DAYS.index, days))


def _header_names(headers: dict[str, frozenset[str]]) -> Mapping[str, frozenset[str]]:
    """With the names in small letters."""
    for name in headers:
        if not HEADER_NAME.fullmatch(name):
            raise ValueError(
                f"{shown(name)} is no name of a header: letters, digits and dashes make one"
            )
        if name.lower() in _SECRET_HEADERS:
            raise ValueError(f"{name!r} carries a key: the condition 'key' is for that")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("one header stands here twice: capitals make no difference in its name")
    return MappingProxyType({name.lower(): values for name, values in headers.items()})


def _one_or_more(text: Any) -> OrText:
    return OrText(text, lambda value: frozenset((value,)), "must be text, or a list of texts", list)


_HEADER: Final = matching(
    r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?",
    "a header's value is printable ASCII without spaces around it: this one can never match",
    repeated=False,
)
_KEY_ID: Final = matching(
    "[0-9a-f]{8}",
    "must be the id of a caller's key as the log shows it: 8 hex digits, in small letters",
    repeated=False,  # it may be the key itself
)
Texts = Annotated[frozenset[str], _SOME, _one_or_more(str)]
HeaderValues = Annotated[
    frozenset[Annotated[str, _HEADER]], _SOME, _one_or_more(Annotated[str, _HEADER])
]
KeyIds = Annotated[frozenset[Annotated[str, _KEY_ID]], _SOME, _one_or_more(Annotated[str, _KEY_ID])]
TimeOfDay = Annotated[time, Written(str, _time)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeWindow(Row):
    """Hours and days of the week in UTC, from `after` until before `before`, maybe of the
    next day."""

    after: Annotated[time, Written(TimeOfDay | None, if_none(time.min))] = time.min
    before: TimeOfDay | None = None
    """None: the day's end."""
    days: Annotated[frozenset[int], Written(Annotated[tuple[Day, ...], _SOME] | None, _days)] = (
        EVERY_DAY
    )
    """0 is Monday. For a window over midnight, the day on which it began."""

    def __post_init__(self) -> None:
        # The defaults themselves: nothing was said.
        if self.after is time.min and self.before is None and self.days is EVERY_DAY:
            raise ValueError("needs 'after', 'before' or 'days'")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRange(Row):
    """Bounds on the estimated tokens of a prompt, both excluded."""

    over: Annotated[int, Field(ge=0)] | None = None
    under: Annotated[int, Field(ge=1)] | None = None

    def __post_init__(self) -> None:
        if self.over is None and self.under is None:
            raise ValueError("needs 'over' or 'under'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition(Row):
    """What a request must be like. Every condition given must hold."""

    input_tokens: InitVar[TokenRange | None] = None
    tokens_over: Annotated[int | None, DERIVED] = None
    """Estimated prompt tokens: more than this."""
    tokens_under: Annotated[int | None, DERIVED] = None
    """Fewer than this."""
    features: Annotated[frozenset[Feature], _SOME, Field(alias="has")] = frozenset()
    metadata: Annotated[
        Mapping[str, frozenset[str]],
        Written(Annotated[dict[str, Texts], _SOME], MappingProxyType),
    ] = field(default_factory=dict)
    """`metadata` of the request: for each name one of these values."""
    header: Annotated[
        Mapping[str, frozenset[str]],
        Written(Annotated[dict[str, HeaderValues], _SOME], _header_names),
    ] = field(default_factory=dict)
    """Headers of the request, names in small letters: for each one of these values."""
    key: KeyIds = frozenset()
    """The caller's key is one of these ids."""
    time: TimeWindow | None = None

    def __post_init__(self, input_tokens: TokenRange | None) -> None:
        if input_tokens is not None:
            derive(self, tokens_over=input_tokens.over, tokens_under=input_tokens.under)


ALWAYS: Final = Condition()
