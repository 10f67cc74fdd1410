"""The command line: `check` and `route`, as a person or a script uses them."""

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.accounting.token_estimate import estimate_text
from gateway.cli.main import main
from tests.accounting.counting import count_texts
from tests.serving import ROOT

CAPABILITIES = """
version: 1
providers:
  local:
    dialect: openai
    base_url: http://127.0.0.1:9
    key_variable: LOCAL_API_KEY
    models:
      a: {context_window: 100000, max_output_tokens: 1000, capabilities: [streaming], cost_tier: low,
          prices: [{valid_from: 2020-01-01, input: 1, output: 1}]}
      b: {like: a, context_window: 300000}
      ended: {like: a, retirement: 2020-01-02}
      unpriced: {context_window: 100000, max_output_tokens: 1000, capabilities: [streaming], cost_tier: low}
  other:
    dialect: openai
    base_url: http://127.0.0.1:9
    key_variable: null
    models:
      m: {context_window: 100000, max_output_tokens: 1000, capabilities: [streaming], cost_tier: low,
          prices: [{valid_from: 2020-01-01, input: 1, output: 1}]}
"""  # noqa: E501
KEYS = {
    "OPENAI_API_KEY": "sk-canary-1",
    "ANTHROPIC_API_KEY": "sk-canary-2",
    "GEMINI_API_KEY": "sk-canary-3",
    "LOCAL_API_KEY": "sk-canary-4",
}
SAFE = "two: {description: d, targets: [openai/gpt-4.1, gemini/gemini-3.5-flash]}"
PAIR = "two: {description: d, targets: [other/m, local/a]}"
POLICY = """
version: 1
direct_models: true
personas:
  %s
"""


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
        monkeypatch.delenv(name.replace("_API_KEY", "_BASE_URL"), raising=False)


def directory(path: Path, personas: str, capabilities: str | None = None) -> str:
    (path / "persona_policy.yaml").write_text(POLICY % personas.replace("\n", "\n  "), "utf-8")
    if capabilities is None:
        shutil.copy(ROOT / "config" / "capabilities.yaml", path)
    else:
        (path / "capabilities.yaml").write_text(capabilities, "utf-8")
    return str(path)


def advised(
    capsys: pytest.CaptureFixture[str],
    path: Path,
    personas: str,
    capabilities: str | None = CAPABILITIES,
) -> list[str]:
    """The lines of advice that `check --strict` gives."""
    status = main(["check", "--strict", "--config", directory(path, personas, capabilities)])
    out = capsys.readouterr().out
    assert "canary" not in out
    lines = [line.strip() for line in out.partition("Worth a look:\n")[2].splitlines()]
    assert status == (1 if lines else 0)
    return lines


def test_check_of_a_configuration_without_flaw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = directory(tmp_path, PAIR, CAPABILITIES)
    assert main(["check", "--config", where]) == main(["check", "--strict", "--config", where]) == 0
    out = capsys.readouterr().out
    assert f"The configuration in {where} is fine (revision " in out
    assert "Worth a look" not in out


def test_check_without_strict_gives_advice_and_succeeds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(
            [
                "check",
                "--config",
                directory(tmp_path, "one: {description: d, targets: [other/m]}", CAPABILITIES),
            ]
        )
        == 0
    )
    assert (
        "personas.one: single point of failure: other/m is the only target"
        in capsys.readouterr().out
    )


def test_check_advises_a_store_that_workers_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_ROUTER_WORKERS", "2")
    told = "server.responses_store: each of the 2 workers keeps its own; sqlite is shared"
    assert advised(capsys, tmp_path, PAIR) == [told]


def test_check_of_a_broken_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(
            [
                "check",
                "--config",
                directory(tmp_path, "one: {description: d, targets: [openai/gpt-4.2]}"),
            ]
        )
        == 1
    )
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "persona_policy.yaml:5" in captured.err


@pytest.mark.parametrize(
    ("personas", "advice"),
    [
        (
            "one: {description: d, targets: [local/a, local/b]}",
            [
                "personas.one: single point of failure: every target is at local",
                (
                    "personas.one: prompts of more than 100000 tokens fit only local/b (300000):"
                    " they have no fallback"
                ),
            ],
        ),
        (
            """one:
  description: d
  targets: [other/m, local/a]
  rules: [{name: mine, when: {key: 0123abcd}, targets: [other/m]}]""",
            ["personas.one: rule mine: single point of failure: other/m is the only target"],
        ),
        (
            """one:
  description: d
  targets: [other/m]
  rules: [{name: mine, when: {key: 0123abcd}, targets: [other/m, local/a]}]""",
            ["personas.one: single point of failure: other/m is the only target"],
        ),
        (
            "one: {description: d, targets: [other/m, local/b]}",
            [
                "personas.one: prompts of more than 100000 tokens fit only local/b (300000): they"
                " have no fallback"
            ],
        ),
    ],
)
def test_what_check_advises(
    personas: str, advice: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert advised(capsys, tmp_path, personas) == advice


def test_check_tells_a_provider_without_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOCAL_API_KEY")
    assert advised(capsys, tmp_path, PAIR) == [
        "personas.two: local/a cannot be reached: unavailable: LOCAL_API_KEY is not set",
        "personas.two: single point of failure: other/m is the only target",
    ]


def test_check_tells_prices_and_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    personas = (
        "one: {description: d, strategy: cost, targets: [local/unpriced, local/ended, other/m]}"
    )
    assert advised(capsys, tmp_path, personas) == [
        "personas.one: the price of local/unpriced is not known, and the policy goes by prices",
        "personas.one: local/ended was retired on 2020-01-02",
    ]


def test_check_tells_a_provider_that_nobody_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = directory(tmp_path, "one: {description: d, targets: [local/ended]}", CAPABILITIES)
    policy = tmp_path / "persona_policy.yaml"
    policy.write_text(
        policy.read_text("utf-8").replace("direct_models: true", "direct_models: false"), "utf-8"
    )
    assert main(["check", "--config", where]) == 0
    assert "providers.other: no persona names one of its models" in capsys.readouterr().out


ROUTED = """one:
  description: d
  targets: [openai/gpt-4.1, claude/claude-sonnet-5]
  rules:
    - {name: mine, when: {key: 0123abcd}, targets: [openai/gpt-4.1-mini]}
    - {name: team, when: {header: {X-Team: research}}, targets: [gemini/gemini-3.5-flash]}"""
REQUEST = {"messages": [{"role": "user", "content": "hi"}]}


def routed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any, str]:
    """Exit status, the plan, and what stands on standard error."""
    status = main(["route", *arguments])
    captured = capsys.readouterr()
    return status, json.loads(captured.out) if captured.out else None, captured.err


def write(path: Path, document: Any) -> str:
    file = path / "request.json"
    file.write_text(json.dumps(document), "utf-8")
    return str(file)


def chosen(plan: Any) -> list[str]:
    return [
        f"{target['provider']}/{target['model']}"
        for target in plan["targets"]
        if target["verdict"] == "chosen"
    ]


@pytest.mark.parametrize("name", ["model", "persona"])
def test_route_of_either_form(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = directory(tmp_path, ROUTED)
    status, plan, errors = routed(
        capsys, write(tmp_path, {name: "one", **REQUEST}), "--config", where
    )
    assert (status, plan["persona"], plan["rule"], chosen(plan), errors) == (
        0,
        "one",
        None,
        ["openai/gpt-4.1"],
        "",
    )


def test_route_reads_standard_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps({"model": "one", **REQUEST}).encode()))
    )
    status, plan, _ = routed(capsys, "-", "--config", directory(tmp_path, ROUTED))
    assert (status, chosen(plan)) == (0, ["openai/gpt-4.1"])


@pytest.mark.parametrize(
    ("arguments", "rule", "target"),
    [
        (["--key", "0123abcd"], "mine", "openai/gpt-4.1-mini"),
        (["--key", "0123abce"], None, "openai/gpt-4.1"),
        (
            ["--header", "x-other: y", "--header", "X-TEAM:  research "],
            "team",
            "gemini/gemini-3.5-flash",
        ),
        (["--header", "x-team: sales"], None, "openai/gpt-4.1"),
    ],
)
def test_route_for_a_caller(
    arguments: list[str], rule: str | None, target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]  # noqa: E501
) -> None:  # fmt: skip
    where = directory(tmp_path, ROUTED)
    status, plan, _ = routed(
        capsys, write(tmp_path, {"model": "one", **REQUEST}), *arguments, "--config", where
    )
    assert (status, plan["rule"], chosen(plan)) == (0, rule, [target])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--header", "x-team"], "a header is NAME:VALUE"),
        (["--header", ": research"], "a header is NAME:VALUE"),
        (["--key", "sk-canary-key"], "8 hex digits"),
    ],
)
def test_wrong_usage_of_route(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["route", "-", *arguments])
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert "canary" not in captured.err


def test_route_of_a_request_that_nobody_can_serve(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan is shown all the same: it says why."""
    where = directory(tmp_path, "one: {description: d, targets: [claude/claude-sonnet-5]}")
    status, plan, _ = routed(
        capsys, write(tmp_path, {"model": "one", "logprobs": True, **REQUEST}), "--config", where
    )
    assert (status, chosen(plan)) == (1, [])
    assert plan["targets"][0]["reasons"] == ["missing_capability:logprobs"]


def test_route_counts_near_a_limit_as_the_gateway_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The estimate of these words is a third too high."""
    words, window = "strange words about nothing in particular ", 128_000
    text = words * next(
        n for n in range(10_000, 30_000, 10) if estimate_text(words * n) > 1.02 * window
    )
    body = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": text}]}
    status, plan, _ = routed(capsys, write(tmp_path, body), "--config", directory(tmp_path, SAFE))
    assert (status, plan["tokens_exact"], plan["estimated_tokens"]) == (
        0,
        True,
        count_texts([text]) + 5,
    )


@pytest.mark.parametrize(
    ("document", "code", "param"),
    [
        ({"model": "nobody", **REQUEST}, "model_not_found", "model"),
        ({"model": "one"}, "missing_required_parameter", "messages"),
        ({"persona": "one", "model": "one", **REQUEST}, "unknown_parameter", "model"),
        ([], None, None),
    ],
)
def test_route_of_a_request_that_breaks_a_rule(
    document: Any,
    code: str | None,
    param: str | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The error is the one that the gateway would answer."""
    status, plan, errors = routed(
        capsys, write(tmp_path, document), "--config", directory(tmp_path, ROUTED)
    )
    assert (status, plan) == (1, None)
    error = json.loads(errors)["error"]
    assert error["param"] == param
    if code is not None:
        assert error["code"] == code


@pytest.mark.parametrize("text", ["", "{", "\udcff", "[" * 100_000, "NaN"])
def test_route_of_what_is_no_json(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "request.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    status, plan, errors = routed(capsys, str(file), "--config", directory(tmp_path, ROUTED))
    assert (status, plan) == (1, None)
    assert errors.startswith(f"{file} is not valid JSON: ")
    assert "Traceback" not in errors


@pytest.mark.parametrize("command", ["route", "replay"])
def test_a_file_that_cannot_be_read(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, why in (("none", "No such file or directory"), (".", "Is a directory")):
        assert main([command, str(tmp_path / name), "--config", directory(tmp_path, SAFE)]) == 1
        assert capsys.readouterr().err == f"{tmp_path / name}: {why}\n"


def test_the_simulator_is_loaded_only_where_it_runs() -> None:
    code = "import sys, gateway.cli.main; print('gateway.simulator' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout == "False\n"
