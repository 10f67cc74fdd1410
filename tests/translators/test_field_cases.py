"""Every verdict is a claim, and every claim has a golden case that bears it out."""

import json

import pytest

from tests.matrix import TABLES
from tests.translators.field_cases import CASES, HERE, MODELS, TABLE_OF, case, fields


def test_every_field_has_a_case() -> None:
    assert set(fields()) - set(CASES) == set(), (
        "add a case to field_cases.CASES and run python -m tests.regenerate"
    )
    assert {path.stem for path in HERE.glob("*.json")} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    expected = json.loads((HERE / f"{name}.json").read_text("utf-8"))
    assert json.loads(json.dumps(case(name))) == expected


@pytest.mark.parametrize("dialect", MODELS)
@pytest.mark.parametrize("name", CASES)
def test_the_verdict_is_borne_out(name: str, dialect: str) -> None:
    """dropped is noted, rejected is refused, ignored says nothing, and what is mapped, relayed or
    emulated is not lost.
    """
    verdict = TABLES[TABLE_OF[dialect]].get(name)
    if verdict is None:
        return
    made = json.loads((HERE / f"{name}.json").read_text("utf-8"))[dialect]
    kinds = {kind for kind, _ in made.get("notes", ())}
    match verdict.kind:
        case "rejected":
            assert "refused" in made
        case "dropped":
            assert "dropped" in kinds
        case "ignored":
            assert "refused" not in made
            assert "dropped" not in kinds
        case "mapped" | "relayed" | "emulated":
            assert "refused" not in made
            assert "dropped" not in kinds
        case _:
            assert verdict.how
