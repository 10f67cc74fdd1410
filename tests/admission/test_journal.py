"""What a journal gives back, however it ended."""

import zlib
from pathlib import Path

from gateway.admission.journal import Journal, JournalFile, hold_line, read_journal, settle_line
from gateway.store.limits_rows import Charge, CounterId, LedgerRow

COUNTER = CounterId("all", "usd/day", 1)


def row(name: str, state: str, cost: int) -> LedgerRow:
    return LedgerRow(
        name, 1, "-", "", "p", "", "openai", "m", state, 1, 1, 0, 0, 1, 0, cost, "r", "", name,
        None, None, (Charge(COUNTER, cost),),
    )  # fmt: skip


def hold(file: JournalFile, name: str, cost: int) -> None:
    held = row(name, "presumed", cost)
    file.write(hold_line(held, [(c, amount) for c, amount in held.charges]))


def read(file: JournalFile) -> list[tuple[str, str, int | None]]:
    return [(each.id, each.state, each.cost) for each in read_journal(file.path)]


def journal_in(directory: Path) -> JournalFile:
    return Journal(directory, "one").current


def test_what_was_settled_comes_as_it_was_and_what_was_held_whole(tmp_path: Path) -> None:
    file = journal_in(tmp_path)
    hold(file, "a", 9)
    hold(file, "b", 5)
    hold(file, "b", 8)  # it was given more
    file.write(settle_line(row("a", "settled", 2)))
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
    file.write({})
    file.write({**settle_line(row("a", "settled", 2)), "v": 9})
    assert read(file) == []
    assert file.path.read_bytes().startswith(b"{} %08x" % zlib.crc32(b"{}"))


def test_after_a_torn_line_the_next_one_begins_anew(tmp_path: Path) -> None:
    file = journal_in(tmp_path)
    hold(file, "a", 9)
    with file.path.open("ab") as torn:
        torn.write(b'{"v":1,"op":"hold"')
    file._torn = True
    hold(file, "b", 9)
    assert read(file) == [("a", "presumed", 9), ("b", "presumed", 9)]
