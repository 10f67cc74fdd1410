"""gateway.config.schema: classes read from plain values, and what is said of values that do not
fit.
"""

from dataclasses import InitVar, dataclass, field
from typing import Annotated, Any

import pytest
from pydantic import Field

from gateway.config.schema import (
    DERIVED,
    HIDDEN,
    REQUIRED,
    OrText,
    Row,
    Validator,
    Written,
    derive,
    given,
    keys_of,
    matching,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew(Row):
    captain: str
    size: Annotated[int, Field(ge=1)] = 1


def _hull(text: str | None) -> tuple[str, str]:
    if text is None:
        raise ValueError("is required")
    kind, _, colour = text.partition(" ")
    return kind, colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Boat(Row):
    name: Annotated[str, given("name")]
    crew: Annotated[
        Crew,
        OrText(
            Annotated[str, matching("[A-Z][a-z]+", "must be a name")],
            lambda text: Crew(captain=text),
            "must be a crew",
        ),
    ]
    mates: Annotated[
        dict[str, int],
        Written(tuple[Crew, ...], lambda crews: {crew.captain: crew.size for crew in crews}),
    ] = field(default_factory=dict)
    sails: Annotated[int, Field(alias="canvas")] = 2
    hull: InitVar[Annotated[tuple[str, str] | None, REQUIRED, Written(str | None, _hull)]] = None
    kind: Annotated[str, DERIVED] = ""
    colour: Annotated[str, DERIVED] = ""

    def __post_init__(self, hull: tuple[str, str] | None) -> None:
        if hull is not None:
            derive(self, kind=hull[0], colour=hull[1])


BOATS = Validator(Boat)


def read(**value: Any) -> Any:
    return BOATS.read({HIDDEN + "name": "Ann", "crew": "Jo", "hull": "steel red", **value})


def test_a_row_is_read_with_what_is_worked_out() -> None:
    boat, complaints = read(mates=[{"captain": "Li", "size": 3}], canvas=4)
    assert complaints == []
    assert boat == Boat(
        name="Ann", crew=Crew(captain="Jo"), mates={"Li": 3}, sails=4, kind="steel", colour="red"
    )


def test_the_long_form_of_a_value_is_read_as_the_short_one() -> None:
    assert read(crew={"captain": "Jo"}) == read(crew="Jo")


@pytest.mark.parametrize(
    ("value", "place", "message"),
    [
        ({"crew": 5}, ("crew",), "must be a crew, not 5"),
        ({"crew": "jo"}, ("crew",), "must be a name, not 'jo'"),
        ({"crew": {"size": 2}}, ("crew", "captain"), "is required"),
        (
            {"crew": {"captain": "Jo", "sise": 2}},
            ("crew", "sise"),
            "unknown key 'sise' (did you mean 'size'? known: captain, size)",
        ),
        (
            {"mates": [{"captain": "Li", "age": 2}]},
            ("mates", 0, "age"),
            "unknown key 'age' (known: captain, size)",
        ),
        (
            {"mates": [{"captain": "Li", "size": 0}]},
            ("mates", 0, "size"),
            "must be at least 1, not 0",
        ),
        ({"mates": "Li"}, ("mates",), "must be a list, not 'Li'"),
        ({"canvas": "4"}, ("canvas",), "must be a whole number, not '4'"),
        ({"hull": None}, ("hull",), "is required"),
        ({"sails": 4}, ("sails",), "unknown key 'sails' (known: canvas, crew, hull, mates)"),
        ({"kind": "steel"}, ("kind",), "unknown key 'kind' (known: canvas, crew, hull, mates)"),
        ({HIDDEN: 1}, (HIDDEN,), "unknown key '\\x00' (known: canvas, crew, hull, mates)"),
    ],
)
def test_what_does_not_fit_is_told_where_it_stands(
    value: dict[str, Any], place: tuple[str | int, ...], message: str
) -> None:
    assert read(**value) == (None, [(place, message)])


def test_what_must_be_written_is_missed() -> None:
    row, complaints = BOATS.read({HIDDEN + "name": "Ann"})
    assert (row, complaints) == (None, [(("crew",), "is required"), (("hull",), "is required")])


def test_a_value_that_is_no_mapping() -> None:
    assert BOATS.read(5) == (None, [((), "must be a mapping of keys to values, not 5")])


def test_keys_are_those_of_the_file() -> None:
    assert keys_of(Boat) == {"canvas", "crew", "hull", "mates"}


def test_known_keys_may_be_given() -> None:
    _, complaints = Validator(Crew, ("captain", "size", "like")).read({"captain": "Jo", "lik": "x"})
    assert complaints == [
        (("lik",), "unknown key 'lik' (did you mean 'like'? known: captain, like, size)")
    ]


def test_a_row_as_json() -> None:
    assert Validator(Crew).document(Crew(captain="Jo", size=2)) == {"captain": "Jo", "size": 2}
