"""translators.chat.tool_names: aliases for names that providers refuse, and the way back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.chat.tool_names import ToolNames, are_plain, declared_name


@pytest.mark.parametrize(
    ("names", "plain"),
    [
        ([], True),
        (["a"], True),
        (["a-B_9", "x" * 64], True),
        (["x" * 65], False),
        (["ok", "bad name!"], False),
        (["a.b"], False),
        (["é"], False),
    ],
)
def test_one_look_tells_whether_any_needs_an_alias(names: list[str], plain: bool) -> None:
    assert are_plain(names) is plain


@given(st.lists(st.text(min_size=1, max_size=90), unique=True, max_size=6))
def test_every_declared_name_has_one_alias_and_finds_back(declared: list[str]) -> None:
    names = ToolNames(declared)
    sent = [names.upstream(name) for name in declared]
    assert len(set(sent)) == len(declared)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in sent)
    assert [names.rewritten.get(name, name) for name in sent] == declared
    assert are_plain(declared) == (sent == declared)


def test_an_alias_never_takes_the_place_of_a_declared_name() -> None:
    taken = ToolNames(["bad name"]).upstream("bad name")
    names = ToolNames(["bad name", taken])
    assert names.upstream(taken) == taken
    assert names.upstream("bad name") not in (taken, "bad name")


def test_names_that_only_the_history_knows() -> None:
    names = ToolNames(["bad name!"])
    assert (names.known("bad name!"), names.known("$server_tool")) == (
        names.upstream("bad name!"),
        "$server_tool",
    )
    assert names.upstream("gone name!") == ToolNames(()).upstream("gone name!") != "gone name!"


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("functions.look", "look"),
        ("functions.look_up", "functions.look_up"),
        ("look", "look"),
        ("functions.other", "functions.other"),
    ],
)
def test_a_namespace_that_leaks_into_a_name(called: str, name: str) -> None:
    declared = frozenset({"look", "functions.look_up", "look_up"})
    assert declared_name(called, declared) == name
