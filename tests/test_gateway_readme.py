"""gateway/README.md is true: its floors are the ones that tests/test_architecture.py holds, and
each room has a line.
"""

from tests.pages import ROOT, blocks, page, section, spans
from tests.test_architecture import FLOORS

README = page("gateway/README.md")


def test_the_floors_are_those_of_the_architecture_test() -> None:
    drawn = section(README, "## Floors").split("```")[1].strip().splitlines()
    assert [set(line.split()) for line in drawn] == FLOORS


def test_every_room_has_a_line() -> None:
    named = spans(section(README, "## Rooms"))
    rooms = {
        f"gateway/{path.name}/"
        for path in (ROOT / "gateway").iterdir()
        if (path / "__init__.py").exists()
    }
    assert rooms - named == set()


def test_a_stranger_finds_where_to_put_a_change() -> None:
    answers = section(README, "## Where do I put it?")
    asked = (
        "new OpenAI-compatible provider",
        "new parameter of Claude's API",
        "new routing strategy",
        "new metric",
        "new admin route",
    )
    assert [question for question in asked if f"**A {question}.**" not in answers] == []
    assert blocks(answers, "python") == []
