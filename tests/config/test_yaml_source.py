"""YAML as plain values with their lines, by the rules of YAML 1.2."""

from pathlib import Path
from typing import Any

import pytest

from gateway.config.errors import Place
from gateway.config.yaml_source import read


def value_of(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "file.yaml"
    path.write_text(text, "utf-8")
    source, problems = read(path)
    assert problems == []
    return source.value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("5", 5), ("-5", -5), ("1_000", 1000), ("0", 0), ("1.5", 1.5), (".5", 0.5), ("1e3",
         1000.0), ("true", True), ("False", False),
        ("null", None), ("~", None), ("", None), ("text", "text"), ('"5"', "5"), ("'true'",
         "true"), ("no", "no"), ("Yes", "Yes"),
        ("on", "on"), ("12:30", "12:30"), ("2026-11-30", "2026-11-30"), (".inf", ".inf"), (".nan",
         ".nan"), ("0x1F", "0x1F"),
        ("1e999", "1e999"), ("1__0", "1__0"), ("9" * 200, "9" * 200), ("[1, [a]]", [1, ["a"]]),
        ("{a: {b: 1}}", {"a": {"b": 1}}),
        ("|\n  two\n  lines", "two\nlines"), ("ключ", "ключ"),
    ],
)  # fmt: skip
def test_a_value(tmp_path: Path, written: str, value: Any) -> None:
    got = value_of(tmp_path, f"key: {written}")["key"]
    assert (got, type(got)) == (value, type(value))


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    assert value_of(tmp_path, "\ufeffkey: 1") == {"key": 1}


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("a",), 2),
        (("a", "b"), 3),
        (("a", "b", 0), 4),
        (("a", "b", 1), 5),
        (("a", "b", 1, "c"), 5),
        (("a", "b", 1, "d"), 6),
        (("e",), 7),
    ],
)
def test_every_value_knows_its_line(tmp_path: Path, place: Place, line: int) -> None:
    path = tmp_path / "file.yaml"
    path.write_text("# a comment\na:\n  b:\n    - 1\n    - c: 2\n      d: 3\ne: {f: 4}\n")
    assert read(path)[0].lines[place] == line


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "file.yaml: is empty"),
        (b"# nothing\n", "file.yaml: is empty"),
        (b"- a\n", "file.yaml: must be a mapping of keys to values"),
        (b"a: 1\nb: \xff\n", "file.yaml:2: is not UTF-8 text"),
        (b"a: \x07\n", "file.yaml: is not YAML: it holds characters that no text has"),
        (b"a: 1\nb: [1\n", "file.yaml:3: is not YAML: did not find expected ',' or ']'"),
        (
            b"a: *x\n",
            (
                "file.yaml:1: anchors and aliases are not used here: a model takes over another's"
                " facts with 'like'"
            ),
        ),
        (b"a: !!int '5'\n", "file.yaml:1: tags are not used here"),
        (b"a: 1\nb: 2\na: {c: 1}\n", "file.yaml:3: a: this key is already on line 1"),
        (b"a: {b: 1, b: 2}\n", "file.yaml:1: a.b: this key is already on line 1"),
        (
            b"a: 010\n",
            (
                "file.yaml:1: a: 010 is an octal number to other YAML readers: write it without the"
                " leading zero"
            ),
        ),
        (
            b"a:\n  - {off: 1}\n",
            (
                "file.yaml:2: a[0].off: the key 'off' is a boolean to other YAML readers: put it in"
                " quotes"
            ),
        ),
        (
            b"4.1: x\n",
            "file.yaml:1: 4.1: the key '4.1' is a number to other YAML readers: put it in quotes",
        ),
    ],
)
def test_what_cannot_be_read_safely_is_refused(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes(data)
    assert [str(problem) for problem in read(path)[1]] == [told]


@pytest.mark.parametrize("key", ['"no"', "'on'", '"4.1"', '"null"'])
def test_a_quoted_key_is_text(tmp_path: Path, key: str) -> None:
    assert list(value_of(tmp_path, f"{key}: 1")) == [key[1:-1]]


def test_the_parameter_n_needs_no_quotes(tmp_path: Path) -> None:
    assert value_of(tmp_path, "{n: 1, y: 2}") == {"n": 1, "y": 2}
