"""tests.clients: what a client's process gets, what is looked at afterwards, what is told."""

from pathlib import Path

import pytest

from tests.clients.installing import Environment
from tests.clients.report import Report
from tests.clients.running import Ended, Outcome, environ_of, problems_of
from tests.clients.sdks import outcomes
from tests.clients.task import Asked, Call, Say, Tool
from tests.clients.upstream import Seen

SHELL = Tool("Bash")


def seen() -> list[Seen]:
    """The requests of a job that went well."""
    calls = [
        Seen("claude", Asked([], [], ["result"] * n, stream=True), Call(SHELL, {}, n + 1))
        for n in range(3)
    ]
    return [*calls, Seen("claude", Asked([], [], ["result"] * 3, stream=True), Say("Done: SUM=42"))]


WELL = Ended(0, "Done: SUM=42\n", "", 1.0)


def test_a_job_that_went_well_has_no_problems() -> None:
    assert problems_of(WELL, "SUM=42\n", seen()) == []


def test_a_request_beside_the_job_is_no_problem() -> None:
    title = Seen("claude", Asked(["Title?"], [], [], stream=False), Say("This is not the job."))
    assert problems_of(WELL, "SUM=42\n", [title, *seen()]) == []


@pytest.mark.parametrize(
    ("ended", "written", "requests", "expected"),
    [
        (Ended(2, "Done: SUM=42", "why", 1.0), "SUM=42", seen(), "exit status 2: why"),
        (
            Ended(None, "Done: SUM=42", "", 1.0),
            "SUM=42",
            seen(),
            "killed for its time: Done: SUM=42",
        ),
        (Ended(0, "a\nb", "", 1.0), "SUM=42", seen(), "the last text was not printed, but: a ⏎ b"),
        (WELL, None, seen(), "sum.txt holds None"),
        (WELL, "SUM=41\n", seen(), "sum.txt holds 'SUM=41\\n'"),
        (WELL, "SUM=42", [*seen(), Seen("claude", refusal="bad")], "refused by claude: bad"),
        (WELL, "SUM=42", [*seen(), seen()[-1]], "5 requests of the job instead of 4"),
    ],
)
def test_what_went_wrong_is_told(
    ended: Ended, written: str | None, requests: list[Seen], expected: str
) -> None:
    assert problems_of(ended, written, requests) == [expected]


def test_a_repeated_call_is_told() -> None:
    calls = seen()
    assert problems_of(WELL, "SUM=42", [calls[0], *calls]) == [
        "calls made: [1, 1, 2, 3]",
        "5 requests of the job instead of 4",
    ]


def test_a_path_that_is_no_api_is_told() -> None:
    assert problems_of(WELL, "SUM=42", seen(), ["GET /v1/x"]) == [
        "asked the provider for GET /v1/x"
    ]


def test_a_client_gets_nothing_of_the_users_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-real")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("LANG", "C.UTF-8")
    for name in ("LC_ALL", "TMPDIR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    where = Environment("some", tmp_path / "some", {})
    assert environ_of({"TOLD": "1"}, tmp_path, [where]) == {
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "NO_PROXY": "127.0.0.1,localhost",
        "PATH": f"{tmp_path}/some/bin:/usr/bin",
        "TOLD": "1",
        "no_proxy": "127.0.0.1,localhost",
    }


def test_the_lines_of_a_script_are_outcomes() -> None:
    lines = (
        '@@ {"scenario": "plain", "problem": "", "seconds": 0.5}\n'
        "some warning\n"
        '@@ {"scenario": "stream", "problem": "cut", "seconds": 0.1}\n'
    )
    assert outcomes("sdk", "on_x", Ended(0, lines, "", 1.0)) == [
        Outcome("sdk plain", "on_x", [], 0.5),
        Outcome("sdk stream", "on_x", ["cut"], 0.1),
    ]


@pytest.mark.parametrize("status", [0, 1])
def test_a_script_that_tried_nothing_is_a_problem(status: int) -> None:
    assert outcomes("sdk", "on_x", Ended(status, "", "no such package", 1.0)) == [
        Outcome("sdk", "on_x", [f"exit status {status}: no such package"], 1.0)
    ]


@pytest.mark.parametrize(
    ("passed", "failed", "missing", "allowed", "status"),
    [
        (1, 0, False, False, 0),
        (1, 1, False, False, 1),
        (1, 0, True, False, 1),
        (1, 0, True, True, 0),
        (0, 0, False, False, 1),
        (0, 0, True, True, 1),
    ],
)
def test_the_exit_status(
    passed: int, failed: int, missing: bool, allowed: bool, status: int
) -> None:
    lines: list[str] = []
    report = Report(lines.append)
    for _ in range(passed):
        report.add(Outcome("one", "on_x", [], 1.0, "4 requests"))
    for _ in range(failed):
        report.add(Outcome("other", "on_x", ["why"], 1.0))
    if missing:
        report.missing("third", "npm is missing")
    assert report.end(allowed) == status
    assert lines[-1] == f"{passed} passed, {failed} failed"
    assert ("NOT CHECKED: third" in lines) is missing


def test_a_failure_is_told_with_its_problems() -> None:
    lines: list[str] = []
    Report(lines.append).add(Outcome("codex", "on_x", ["one", "two"], 1.25, "4 requests"))
    assert lines == [
        f"FAILED  {'codex':34} {'on_x':18}    1.2 s  4 requests",
        "          one",
        "          two",
    ]
