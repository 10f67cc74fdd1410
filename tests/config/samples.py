"""A small valid configuration to break in one place at a time."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from gateway.config import Config, ConfigError
from gateway.revisions.load import load

POLICY: Final = """\
version: 1
server:
  body_timeout: 30
personas:
  helper:
    description: Helps.
    system_prompt: Be brief.
    system_prompt_mode: prepend
    defaults: {max_tokens: 1000, temperature: 0.5}
    caps: {max_tokens: 4000}
    requires: [streaming]
    max_cost_tier: medium
    params: report
    targets:
      - claude/big
      - local/small
"""

CAPABILITIES: Final = """\
version: 1
families:
  base:
    context_window: 8000
    max_output_tokens: 2000
    capabilities: [streaming, tool_calling]
    cost_tier: low
  thinker:
    like: base
    capabilities: [streaming, tool_calling, reasoning]
    thinking: {kind: adaptive, levels: [low, high], default: high}
providers:
  claude:
    dialect: claude
    base_url: https://api.example.com
    base_url_variable: CLAUDE_URL
    key_variable: CLAUDE_KEY
    media_urls: pass
    headers: {x-team: blue}
    timeouts: {idle: 60}
    models:
      big:
        like: thinker
        cost_tier: medium
        prices:
          - {valid_from: 2026-01-01, input: 1, output: 2}
          - {valid_from: 2026-06-01, input: 1.25, output: 2.5, tiers: [{above_prompt_tokens: 500, input: 2, output: 4}]}
      dear: {like: big, cost_tier: high}
  local:
    dialect: openai
    base_url: http://127.0.0.1:8000/v1
    models:
      small: {like: base}
"""  # noqa: E501

ABLE: Final = """\
version: 1
families:
  able:
    context_window: 100000
    max_output_tokens: 5000
    capabilities: [streaming, tool_calling, vision, audio_input, video, json_schema, web_search]
    cost_tier: low
    prices: [{valid_from: 2026-01-01, input: 1, output: 2}]
providers:
  a: {dialect: openai, base_url: http://a.example/v1, region: eu, models: {one: {like: able}, two: {like: able, region: us}}}
  b: {dialect: openai, base_url: http://b.example/v1, region: us, models: {three: {like: able}}}
"""  # noqa: E501
"""Three models that can do the same, at two providers, in two regions."""

FILES: Final[Mapping[str, str]] = {"persona_policy.yaml": POLICY, "capabilities.yaml": CAPABILITIES}


def loaded(
    directory: Path,
    policy: str = POLICY,
    capabilities: str = CAPABILITIES,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """The configuration of two texts, written to `directory`."""
    (directory / "persona_policy.yaml").write_text(policy, "utf-8")
    (directory / "capabilities.yaml").write_text(capabilities, "utf-8")
    return load(directory, environ or {})


def replaced(text: str, old: str, new: str) -> str:
    """`text` with its only `old` replaced."""
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the sample"
    return text.replace(old, new)


def complaints(
    directory: Path,
    policy: str = POLICY,
    capabilities: str = CAPABILITIES,
    environ: Mapping[str, str] | None = None,
) -> list[str]:
    """What `load` says is wrong, a line each; nothing if it finds nothing."""
    try:
        loaded(directory, policy, capabilities, environ)
    except ConfigError as error:
        return str(error).splitlines()
    return []


class Broken(NamedTuple):
    """One change to a sample file, and what `load` then says: each line without the file's name."""

    name: str
    old: str
    new: str
    expected: tuple[str, ...]


def abridged(line: str) -> str:
    """A complaint without the names that it lists as known."""
    return re.sub(r"known: [^)]*\)", "known: …)", line)
