"""Aliases: which persona a name stands for."""

import pytest

from gateway.config.aliases import NO_ALIASES, read_aliases
from gateway.errors import ModelNotFound
from gateway.routing.plan import resolve
from tests.serving import config_of

WRITTEN = {
    "maker-*": "all",
    "maker-small-*": "on_claude",
    "maker-small-1": "on_openai",
    "openai/*": "on_gemini",
}
POLICY = """
version: 1
direct_models: true
aliases: {"maker-*": one, "on*": one, "openai/*": one}
personas:
  one: {description: d, targets: [openai/gpt-4.1]}
  only: {description: d, targets: [openai/gpt-4.1]}
"""


@pytest.mark.parametrize(
    ("name", "persona"),
    [
        ("maker-small-1", "on_openai"),
        ("maker-small-12", "on_claude"),
        ("maker-", "all"),
        ("maker", None),
        ("other", None),
    ],
)
def test_an_exact_name_wins_over_the_longest_beginning(name: str, persona: str | None) -> None:
    assert read_aliases(WRITTEN).persona(name) == persona


def test_no_aliases_find_nobody() -> None:
    assert NO_ALIASES.persona("maker-small-1") is None


def test_personas_and_direct_models_win_over_aliases() -> None:
    config = config_of(POLICY, {"OPENAI_API_KEY": "k"})
    assert resolve(config, "maker-7") is config.personas["one"]
    assert resolve(config, "only") is config.personas["only"]
    assert resolve(config, "once") is config.personas["one"]
    assert str(resolve(config, "openai/gpt-4.1")) == "openai/gpt-4.1"
    assert resolve(config, "openai/none-of-these") is config.personas["one"]
    with pytest.raises(ModelNotFound, match="The personas are: one, only"):
        resolve(config, "unheard-of")
