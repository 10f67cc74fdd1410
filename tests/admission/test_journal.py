"""What stands in the journal, and when."""

import os
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from gateway.admission.amounts import Amounts
from gateway.admission.journal import Journal, JournalFile
from gateway.admission.journal_lines import Form, Settled, read_journal, said_of
from gateway.admission.ledger_queue import recover
from gateway.store.ledger import rows_of
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


def test_a_line_says_of_whom_and_of_what_it_is(tmp_path: Path) -> None:
    """In names that a policy may have, and ids of requests that a caller may give."""
    counters = [CounterId('team/a"%d', "usd/day", 1), CounterId("all", "tokens/day", 2)]
    of, name, file = ("k", 'a"%d', "p%s", "openai", "m%"), f"{5:012x}{7:012x}", journal_in(tmp_path)
    form, said = Form((*of, "r"), counters), said_of(name, "u", '"%')
    file.hold(form, said, Amounts(1, 75, 70, 5, 9, 1))
    held = LedgerRow(
        name, 5, *of[:3], "u", *of[3:], "presumed", 0, 70, 0, 0, 5, 0, 9, "r", "", '"%', None, None,
        (Charge(counters[0], 9), Charge(counters[1], 75)),
    )  # fmt: skip
    assert [*read_journal(file.path)] == [held]
    unpriced = Settled(name, "u", '"%', "unpriced", 1, 60, 4, None, "dec_1", "why", 1, 2, 3, 9)
    file.settle(form, said, unpriced)
    charges = (Charge(counters[0], 9), Charge(counters[1], 64))
    row = held._replace(state="unpriced", attempts=1, input=60, cached=1, written=2, output=4,
                        reasoning=3, cost=None, decision="dec_1", why="why",
                        charges=charges)  # fmt: skip
    assert [*read_journal(file.path)] == [row]
    plain = unpriced._replace(state="free", cost=0, cached=0, written=0, reasoning=0, unpriced=0)
    file.settle(form, said, plain)
    free = row._replace(state="free", cost=0, cached=0, written=0, reasoning=0, charges=charges[1:])
    assert [*read_journal(file.path)] == [row, free]
    (booking,) = form.bookings([unpriced, plain])
    assert rows_of(booking) == [row, free]
    assert booking.amounts == [9, 128]


def test_what_requests_have_in_common_is_told_once_in_each_file(tmp_path: Path) -> None:
    files = [Journal(tmp_path / name, "one").current for name in "ab"]
    for file in (files[0], files[0], files[1], files[0]):
        hold(file, "a", 9)
    told = [file.path.read_bytes().count(b'{"form":') for file in files]
    assert told == [2, 1]
    assert [read(file) for file in files] == [[("a", "presumed", 9)]] * 2


def test_a_form_that_could_not_be_written_is_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, write = journal_in(tmp_path), os.write
    form = Form(("k", "", "p", "openai", "m", "r"), (COUNTER,))
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda file, data: write(file, data[:50]))
        with pytest.raises(OSError, match="full"):
            file.hold(form, said_of("a", "", "q"), Amounts(1, 2, 1, 1, 9, 1))
    file.hold(form, said_of("b", "", "q"), Amounts(1, 2, 1, 1, 9, 1))
    assert read(file) == [("b", "presumed", 9)]


def test_a_row_whose_form_was_damaged_is_passed_over_and_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = journal_in(tmp_path)
    hold(file, "a", 9)
    file.path.write_bytes(file.path.read_bytes().replace(b'"form"', b'"farm"'))
    assert read(file) == []
    assert "a row of a journal is lost: a" in caplog.text


def test_a_line_of_an_older_program_is_read(tmp_path: Path) -> None:
    values = ["0" * 24, 1, "-", "", "p", "", "openai", "m", "settled", 1, 70, 0, 0, 5, 0, 9, "r",
              "d", "q", None, None, [["all", "tokens/day", 0, 75]]]  # fmt: skip
    lines = [dumps({"v": 1, "op": op, "row": values}) for op in ("hold", "settle")]
    path = tmp_path / "old.1.jsonl"
    path.write_bytes(b"".join(b"%b %08x\n" % (line, crc32(line)) for line in lines))
    several = dumps({"v": 2, "rows": [["1", *values[1:-1], dumps(values[-1]).decode(), 0]]})
    with path.open("ab") as newer:
        newer.write(b"%b %08x\n" % (several, crc32(several)))
    for row, name in zip(read_journal(path), ("0" * 24, "1"), strict=True):
        assert (row.id, row.state, row.input) == (name, "settled", 70)
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


FORM = Form(("-", "", "p", "openai", "m", "r"), (COUNTER,))


def hold(file: JournalFile, name: str, cost: int) -> None:
    file.hold(FORM, said_of(name, "", name), Amounts(1, 2, 1, 1, cost, 1))


def read(file: JournalFile) -> list[tuple[str, str, int | None]]:
    return [(each.id, each.state, each.cost) for each in read_journal(file.path)]


def journal_in(directory: Path) -> JournalFile:
    return Journal(directory, "one").current


def test_what_was_settled_comes_as_it_was_and_what_was_held_whole(tmp_path: Path) -> None:
    file = journal_in(tmp_path)
    hold(file, "a", 9)
    hold(file, "b", 5)
    hold(file, "b", 8)  # it was given more
    file.settle(FORM, said_of("a", "", "a"), Settled("a", "", "a", "settled", 1, 1, 1, 2, "", None))
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
