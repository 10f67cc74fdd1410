"""How the classes of the configuration are read: strictly, with errors in our words.

Each concept is one frozen dataclass derived from `Row`, its fields the keys of the file. `Written`
says how a value is written where that is not what it becomes; `DERIVED` marks fields that no file
has.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import InitVar, dataclass, is_dataclass
from functools import cached_property
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Generic,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    TypeAdapter,
    ValidationError,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from gateway.config.errors import FORMS, Complaint, complaint, shown, unknown
from translators.json_codec import dumps

T = TypeVar("T")


class Row:
    """A mapping in a file: no unknown keys, no conversions."""

    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False
    )


HIDDEN: Final = "\0"
"""Begins the names that no file has: of fields that the reader gives, and of forms of a value."""


def given(name: str) -> Any:
    """Marks a field that the reader gives, as HIDDEN + `name`: a file has no key for it."""
    return Field(alias=HIDDEN + name)


DERIVED: Final = given("derived")
"""Marks a field that is worked out from others; a file has no key for it."""
REQUIRED: Final = Field(validate_default=True)
"""Marks an InitVar that a file must hold: its reader is given None where it is missing."""


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """How a value is written: as `form`, from which `read` makes the value or raises ValueError."""

    form: Any
    read: Callable[[Any], Any]

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        form = handler.generate_schema(self.form)
        return core_schema.no_info_after_validator_function(self.read, form)


_TEXT, _OTHER = HIDDEN + "text", HIDDEN + "other"


@dataclass(frozen=True, slots=True, eq=False)
class OrText(Written):
    """A value may also be written as text, in `form`. `rule` is the error for anything else."""

    rule: str = ""
    other: type = dict

    def __get_pydantic_core_schema__(self, kind: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        short = Written.__get_pydantic_core_schema__(self, kind, handler)
        return core_schema.tagged_union_schema(
            {_TEXT: short, _OTHER: handler(kind)},
            discriminator=self._form_of,
            custom_error_type=FORMS,
            custom_error_message=self.rule,
        )

    def _form_of(self, value: Any) -> str | None:
        if isinstance(value, str):
            return _TEXT
        return _OTHER if isinstance(value, self.other) else None


def derive(row: Any, **values: Any) -> None:
    """Sets fields of a frozen row: in its __post_init__ only."""
    for name, value in values.items():
        object.__setattr__(row, name, value)


def if_none(default: T) -> Callable[[T | None], T]:
    """What stands for null."""
    return lambda value: default if value is None else value


def matching(pattern: str, rule: str, *, repeated: bool = True) -> AfterValidator:
    """The whole text must match; `rule` is the error. `repeated`: the error may show the text."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{rule}, not {shown(text)}" if repeated else rule)
        return text

    return AfterValidator(check)


Seconds = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(gt=0, le=1_000_000)]
_VARIABLE: Final = (
    "must be the name of an environment variable, in capitals (a key itself never stands in this"
    " file)"
)
Variable = Annotated[str, matching("[A-Z_][A-Z0-9_]*", _VARIABLE, repeated=False)]
_REGION: Final = "must be 1 to 64 small letters, digits, '_', '.' or '-'"
Region = Annotated[str, matching("[a-z0-9][a-z0-9_.-]{0,63}", _REGION)]


def keys_of(row: type) -> frozenset[str]:
    """The keys that a row may have."""
    return frozenset(key for key in _types_of(row) if not key.startswith(HIDDEN))


def _types_of(row: Any) -> dict[str, Any]:
    """The type of each key, with its annotations."""
    found = {}
    for name, kind in get_type_hints(row, include_extras=True).items():
        field = row.__dataclass_fields__.get(name)
        if field is None or not field.init or get_origin(kind) is ClassVar:
            continue
        kind = kind.type if isinstance(kind, InitVar) else kind
        aliases = [
            extra.alias
            for extra in getattr(kind, "__metadata__", ())
            if isinstance(extra, FieldInfo) and extra.alias
        ]
        found[aliases[0] if aliases else name] = kind
    return found


def _rows_in(kind: Any) -> Iterator[type]:
    """The rows that a type is written as: `tuple[PriceTier, ...]` as PriceTier."""
    if isinstance(kind, type) and is_dataclass(kind):
        yield kind
    written = [extra.form for extra in getattr(kind, "__metadata__", ()) if type(extra) is Written]
    for argument in written or get_args(kind):
        yield from _rows_in(argument)


class Validator(Generic[T]):
    """Reads values as rows of one type. `known`: keys that errors list instead of the row's."""

    def __init__(self, row: type[T], known: Iterable[str] = ()) -> None:
        self._row = row
        self._known = frozenset(known)

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:
        """Built at its first use: it takes milliseconds that not every command needs."""
        return TypeAdapter(self._row)

    def read(self, value: Any) -> tuple[T | None, list[Complaint]]:
        """The row, or None and everything that is wrong with it.

        Validated as JSON: strict JSON takes lists as tuples or sets and text as dates.
        """
        try:
            return self._adapter.validate_json(dumps(value), strict=True), []
        except ValidationError as error:
            details = error.errors(include_url=False)
            # A list without a valid item is called too short, too: its `input` says whether it is.
            return None, [
                self._complaint(detail)
                for detail in details
                if detail["type"] != "too_short" or not detail["input"]
            ]

    def document(self, row: T) -> dict[str, Any]:
        """The row as JSON, without what is None."""
        document: dict[str, Any] = self._adapter.dump_python(row, mode="json", exclude_none=True)
        return document

    def _complaint(self, detail: ErrorDetails) -> Complaint:
        *steps, last = detail["loc"] or ("",)
        place = tuple(step for step in steps if not str(step).startswith(HIDDEN))
        if detail["type"] == "unexpected_keyword_argument":
            known = self._known if self._known and not place else self._keys_at(steps)
            return (*place, last), unknown("key", last, known)
        if detail["loc"] and not str(last).startswith(HIDDEN):
            place = (*place, last)
        return place, complaint(place, detail)

    def _keys_at(self, steps: Iterable[str | int]) -> frozenset[str]:
        """The keys of the rows that may stand there. Steps that are no key are passed over."""
        rows: list[type] = [self._row]
        for step in steps:
            rows = [
                inner for row in rows for inner in _rows_in(_types_of(row).get(str(step)))
            ] or rows
        return frozenset[str]().union(*map(keys_of, rows))
