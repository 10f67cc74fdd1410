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
