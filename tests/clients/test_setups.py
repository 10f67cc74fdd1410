"""tests.clients.setups: the page shows a set-up for each package, and what the command-line clients
are given is what README.md says."""

import re
import tomllib

import pytest

from tests.clients.programs import PROGRAMS, Server
from tests.clients.running import Ended
from tests.clients.setups import ENVIRONMENTS, problems_of, setups, shown, told
from tests.pages import blocks, page

SERVER = Server("http://127.0.0.1:8001", "unused", "code_assistant")


def test_each_package_has_a_set_up_on_the_page() -> None:
    assert {package for package, _ in shown()} == ENVIRONMENTS.keys()


def test_a_set_up_is_told_address_key_and_persona_and_nothing_else() -> None:
    block = '# pip install x\nX("http://127.0.0.1:8001/v1", "unused", "code_assistant", 1)\n'
    assert setups(f"a\n\n```python\n{block}```\n") == [("x", block)]
    expected = '# pip install x\nX("http://h:1/v1", "k", "p", 1)\n'
    assert told(block, Server("http://h:1", "k", "p")) == expected


@pytest.mark.parametrize(
    ("ended", "problems"),
    [
        (Ended(0, "You said: Hello!\n", "a warning", 1.0), []),
        (Ended(0, "nothing", "", 1.0), ["exit status 0: nothing"]),
        (Ended(1, "Hello!", "a\nb", 1.0), ["exit status 1: a ⏎ b"]),
    ],
)
def test_it_is_well_if_it_ends_with_what_was_said(ended: Ended, problems: list[str]) -> None:
    assert problems_of(ended) == problems


@pytest.mark.parametrize("name", ["claude-code", "gemini-cli"])
def test_a_program_is_given_the_variables_that_the_readme_sets(name: str) -> None:
    command = {"claude-code": "claude", "gemini-cli": "gemini -m code_assistant"}[name]
    (line,) = [
        line
        for block in blocks(page("README.md"), "sh")
        for line in block.splitlines()
        if line.endswith(f" {command}")
    ]
    written = dict(re.findall(r"([A-Z_]+)=(\S+)", line))
    given = PROGRAMS[name].environ(SERVER)
    assert {variable: given.get(variable) for variable in written} == written


def test_codex_is_given_the_file_that_the_readme_shows() -> None:
    (block,) = [each for each in blocks(page("README.md"), "toml") if "codex" in each]
    written = tomllib.loads(block)
    given = tomllib.loads(PROGRAMS["codex"].files(SERVER)[".codex/config.toml"])
    assert {name: given.get(name) for name in written} == written
