"""PITFALLS.md names tests and golden cases that there are."""

import re
from pathlib import Path

from tests.translators.embeddings.golden import REQUESTS, RESPONSES

HERE = Path(__file__).parent
LIST = (HERE / "PITFALLS.md").read_text("utf-8")
TESTS = HERE.parents[1]


def test_every_pitfall_is_noticed_by_something() -> None:
    rows = re.findall(r"^\| (\d+) \|.*\| (.*) \|$", LIST, re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 21))
    assert [number for number, noticed in rows if "`" not in noticed] == []


def test_what_is_named_is_there() -> None:
    written = "".join(
        path.read_text("utf-8") for path in TESTS.rglob("test_*.py") if path != Path(__file__)
    )
    named = set(re.findall(r"`(test_\w+)`", LIST))
    assert [name for name in sorted(named) if f"def {name}(" not in written] == []
    cases = {path.name for path in (*REQUESTS, *RESPONSES)}
    assert set(re.findall(r"`(\w+\.json)`", LIST)) - {"name.json"} - cases == set()
