"""PITFALLS.md is the list that numbers in tests and golden cases refer to."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LIST = (HERE / "PITFALLS.md").read_text("utf-8")


def listed(dialect: str) -> set[int]:
    section = LIST.partition(f"## {dialect.capitalize()}\n")[2].partition("\n## ")[0]
    return {int(number) for number in re.findall(r"^\| (\d+) \|", section, re.M)}


def referred_to(dialect: str) -> set[int]:
    """Numbers in the names of tests, of their cases, and of golden files."""
    folder = HERE / dialect
    words = " ".join(path.read_text("utf-8") for path in folder.rglob("test_*.py"))
    names = " ".join(path.stem for path in folder.rglob("*.json"))
    return {int(number) for number in re.findall(r"\b(?:test_)?f(\d{2,3})_", f"{words} {names}")}


@pytest.mark.parametrize("dialect", ["claude", "gemini"])
def test_every_number_stands_in_the_list(dialect: str) -> None:
    assert referred_to(dialect) <= listed(dialect)
    assert len(referred_to(dialect)) > 50


def test_every_pitfall_of_messages_names_a_test_that_exists_or_says_why_not() -> None:
    section = LIST.partition("## Messages\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \| .* \| (.*) \|$", section, re.M)
    assert [number for number, _ in rows] == [str(number) for number in range(1, 57)]
    files = [
        *(HERE / "claude" / "inbound").glob("test_*.py"),
        *(HERE.parent / "api").glob("test_messages_*.py"),
    ]
    words = " ".join(path.read_text("utf-8") for path in files)
    named = {name for _, held in rows for name in re.findall(r"`(test_\w+)`", held)}
    assert {name for name in named if f"def {name}(" not in words} == set()
    assert all(len(held) > 10 for _, held in rows)


@pytest.mark.parametrize(
    ("heading", "numbers"),
    [
        ("Gemini, for callers", [f"P{number}" for number in range(1, 41)]),
        ("Responses callers", [str(number) for number in range(1, 46)]),
    ],
)
def test_every_pitfall_of_callers_names_tests_that_exist(heading: str, numbers: list[str]) -> None:
    section = LIST.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (P?\d+) \| (.*) \|$", section, re.M)
    assert numbers == [number for number, _ in rows]
    words = " ".join(path.read_text("utf-8") for path in HERE.parent.rglob("test_*.py"))
    named = {name for _, row in rows for name in re.findall(r"\b(test_\w+)\b(?!\.py)", row)}
    assert {name for name in named if f"def {name}(" not in words} == set()
