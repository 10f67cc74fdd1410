"""What stands in the journal, and when."""

import os
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from gateway.admission.journal import Journal, JournalFile, read_journal
from gateway.admission.ledger_queue import recover
from gateway.store.ledger import booking_of
from gateway.store.limits_rows import Charge, CounterId, LedgerRow
from tests.admission.instances import Instance, limit_of
from translators.json_codec import dumps

TOKENS = limit_of(on="tokens", per="minute", amount=1_000_000)


def journaled(process: Instance) -> list[tuple[str, int]]:
    """What a process that finds its journal would book of it: state and tokens."""
    return [(row.state, row.input) for row in read_journal(process.journal.files[0].path)]


async def test_a_settlement_is_written_at_once(tmp_path: Path) -> None:
    process = Instance(tmp_path, (TOKENS,))
    first, second = await process.admit(100), await process.admit(30)
    assert first is not None
    assert second is not None
    assert journaled(process) == [("presumed", 100), ("presumed", 30)]
    process.settle(first, 70)
    assert journaled(process) == [("settled", 70), ("presumed", 30)]
    process.settle(second, 30)
    process.crash()


async def test_a_full_disk_keeps_what_was_settled_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, write = Instance(tmp_path, (TOKENS,)), os.write
    requests = [await process.admit(100) for _ in range(2)]
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda file, data: write(file, data[:50]))
        for request in requests:
            assert request is not None
            process.settle(request, 70)
        with pytest.raises(OSError, match="full"):
            process.journal.flush()
    assert journaled(process) == [("presumed", 100)] * 2
    process.journal.flush()
    assert journaled(process) == [("settled", 70)] * 2
    process.crash()


def test_a_line_of_an_older_program_is_read(tmp_path: Path) -> None:
    values = ["0" * 24, 1, "-", "", "p", "", "openai", "m", "settled", 1, 70, 0, 0, 5, 0, 9, "r",
              "d", "q", None, None, [["all", "tokens/day", 0, 75]]]  # fmt: skip
    lines = [dumps({"v": 1, "op": op, "row": values}) for op in ("hold", "settle")]
    path = tmp_path / "old.1.jsonl"
    path.write_bytes(b"".join(b"%b %08x\n" % (line, crc32(line)) for line in lines))
    (row,) = read_journal(path)
    assert (row.state, row.input) == ("settled", 70)
    assert row.charges == (Charge(CounterId("all", "tokens/day", 0), 75),)


COUNTER = CounterId("all", "usd/day", 1)


def row(name: str, state: str, cost: int) -> LedgerRow:
    return LedgerRow(
        name, 1, "-", "", "p", "", "openai", "m", state, 1, 1, 0, 0, 1, 0, cost, "r", "", name,
        None, None, (Charge(COUNTER, cost),),
    )  # fmt: skip


def line(op: str, of: LedgerRow, version: int = 1) -> str:
    charges = [[*counter, amount] for counter, amount in of.charges]
    return dumps({"v": version, "op": op, "row": [*of[:-1], charges]}).decode()


def hold(file: JournalFile, name: str, cost: int) -> None:
    file.write(line("hold", row(name, "presumed", cost)))


def read(file: JournalFile) -> list[tuple[str, str, int | None]]:
    return [(each.id, each.state, each.cost) for each in read_journal(file.path)]


def journal_in(directory: Path) -> JournalFile:
    return Journal(directory, "one").current


def test_what_was_settled_comes_as_it_was_and_what_was_held_whole(tmp_path: Path) -> None:
    file = journal_in(tmp_path)
    hold(file, "a", 9)
    hold(file, "b", 5)
    hold(file, "b", 8)  # it was given more
    file.settle(booking_of(row("a", "settled", 2)).values)
    assert read(file) == [("a", "settled", 2), ("b", "presumed", 8)]


def test_a_torn_line_and_a_changed_one_count_for_nothing(tmp_path: Path) -> None:
    file = journal_in(tmp_path)
    hold(file, "a", 9)
    hold(file, "b", 9)
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[:-7])
    assert read(file) == [("a", "presumed", 9)]
    file.path.write_bytes(whole.replace(b'"b"', b'"c"'))
    assert read(file) == [("a", "presumed", 9)]


def test_a_line_of_another_version_or_of_none_is_passed_over(tmp_path: Path) -> None:
    file = journal_in(tmp_path)
    file.write("{}")
    file.write(line("settle", row("a", "settled", 2), 9))
    assert read(file) == []
    assert file.path.read_bytes().startswith(b"{} %08x" % crc32(b"{}"))


NOT_UNDERSTOOD = [
    [1], {"v": 1}, {"v": 1, "op": "hold", "row": []}, {"v": 1, "op": "hold", "row": ["a", [[1]]]},
    {"v": 2}, {"v": 2, "rows": [["a"]]},
]  # fmt: skip


@pytest.mark.parametrize("document", NOT_UNDERSTOOD, ids=str)
async def test_a_journal_that_cannot_be_understood_stays_and_holds_nobody_up(
    place: Path, caplog: pytest.LogCaptureFixture, document: Any
) -> None:
    dead, living = Instance(place, (TOKENS,)), Instance(place, (TOKENS,))
    assert await dead.admit(1) is not None
    (file,) = dead.journal.files
    file.write(dumps(document).decode())
    dead.crash()
    unknown: set[str] = set()
    for _ in range(2):
        assert await recover(place / "journal", living.thread, unknown) == 0
    assert file.path.exists()
    assert unknown == {dead.name}
    assert caplog.text.count("cannot be understood") == 1


def test_lines_that_are_damaged_in_the_middle_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = journal_in(tmp_path)
    for name in "abc":
        hold(file, name, 9)
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[:-7])
    assert [each[0] for each in read(file)] == ["a", "b"]
    assert caplog.text == ""  # what was being written when the process was killed
    file.path.write_bytes(whole.replace(b'"a"', b'"x"').replace(b'"b"', b'"y"'))
    assert [each[0] for each in read(file)] == ["c"]
    assert "2 lines of" in caplog.text


def test_after_a_torn_line_the_next_one_begins_anew(tmp_path: Path) -> None:
    file = journal_in(tmp_path)
    hold(file, "a", 9)
    with file.path.open("ab") as torn:
        torn.write(b'{"v":1,"op":"hold"')
    file._torn = True
    hold(file, "b", 9)
    assert read(file) == [("a", "presumed", 9), ("b", "presumed", 9)]
