"""What stands in the journal, and when."""

import os
from pathlib import Path
from zlib import crc32

import pytest

from gateway.admission.journal import read_journal
from gateway.store.limits_rows import Charge, CounterId
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
