"""tests.clients.task: the scripted model goes on only if what it was told is right."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.clients.task import Asked, Call, Say, Step, Tool, next_step, prompt

DIRECTORY: Final = Path("/somewhere/work")
CLAUDE_CODE: Final = (Tool("Bash"), Tool("Read"), Tool("Write"))


def step(results: Sequence[str], tools: Sequence[Tool] = CLAUDE_CODE) -> Step:
    asked = Asked(["Some reminder.", prompt(DIRECTORY)], tools, results, stream=True)
    return next_step(asked)


def test_it_reads_writes_reads_back_and_says_what_it_read() -> None:
    numbers, written, read = "Output:\n7\n11\n24\n", "written", "SUM=42"
    assert [
        step(()),
        step((numbers,)),
        step((numbers, written)),
        step((numbers, written, read)),
    ] == [
        Call(
            Tool("Bash"),
            {"command": "cat /somewhere/work/numbers.txt", "description": "Read a file"},
            1,
        ),
        Call(Tool("Write"), {"file_path": "/somewhere/work/sum.txt", "content": "SUM=42\n"}, 2),
        Call(
            Tool("Bash"),
            {"command": "cat /somewhere/work/sum.txt", "description": "Read a file"},
            3,
        ),
        Say("Done: SUM=42"),
    ]


def test_a_wrong_result_ends_the_job() -> None:
    assert step(("7 11",)) == Say("The numbers did not arrive: 7 11")
    assert step(("7 11 24", "", "no file")) == Say("The sum did not arrive: no file")


PATCH: Final = "*** Begin Patch\n*** Add File: /somewhere/work/sum.txt\n+SUM=42\n*** End Patch\n"


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        (Tool("apply_patch", custom=True), PATCH),
        (Tool("apply_patch", field="input"), {"input": PATCH}),
        (Tool("exec_command"), {"cmd": f"apply_patch <<'EOF'\n{PATCH}EOF\n"}),
        (Tool("shell"), {"command": ["apply_patch", PATCH]}),
        (
            Tool("exec", custom=True),
            (
                'const said = await tools.apply_patch("*** Begin Patch\\n*** Add File: '
                '/somewhere/work/sum.txt\\n+SUM=42\\n*** End Patch\\n"); text(said);'
            ),
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Tool) else "",
)
def test_a_file_is_written_with_the_tools_that_there_are(tool: Tool, arguments: object) -> None:
    assert step(("7 11 24",), [tool]) == Call(tool, arguments, 2)  # type: ignore[arg-type]


def test_what_cannot_be_done_is_said() -> None:
    assert step((), [Tool("Read")]) == Say(
        "None of Bash, exec, exec_command, shell_command, shell, run_shell_command is declared,"
        " only Read."
    )
    assert step(("7 11 24",), [Tool("apply_patch")]) == Say("apply_patch should take one text.")


def test_a_request_for_something_else_is_answered_with_text() -> None:
    assert next_step(Asked(["Give this a title."], (), (), stream=False)) == Say(
        "This is not the job."
    )
