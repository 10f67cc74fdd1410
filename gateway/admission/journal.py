"""The journal of a process: what it holds for requests and how they were settled, written before a
provider is asked and before a caller has all of the answer, so that a killed process loses nothing.

What `write` has taken survives the process; a thread syncs it ten times a second, for the case that
the machine fails. Each line is JSON, a space and its CRC-32 in hex: a torn one is dropped. No line
holds content.
"""

import contextlib
import fcntl
import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from json.encoder import encode_basestring as quoted
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from gateway.store.ledger import row_of
from gateway.store.limits_rows import Charge, CounterId, LedgerRow
from translators.json_codec import loads

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a file, after which another one is begun."""
_SUFFIX: Final = ".jsonl"
_ROW: Final = 1
_ROWS: Final = 2
"""What a line is: a row, as it is held or was settled; or rows that were settled, as older programs
wrote them, with their charges as text."""
_NULL: Final = "null"
_log: Final = logging.getLogger("llm_router")


class JournalFile:
    """One file. It is locked as long as its process lives, and removed once everything in it is in
    the ledger.
    """

    def __init__(self, directory: Path, name: str) -> None:
        """Raises OSError."""
        self.path = directory / f"{name}{_SUFFIX}"
        hidden = directory / f".{name}"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        self._file = os.open(hidden, flags, 0o600)
        # Locked before others can see it: what is not locked is a dead process's.
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        hidden.rename(self.path)
        self.size = 0
        self.pending = 0
        """Requests that were begun here and are not yet in the ledger."""
        self.unwritten: list[str] = []
        """Rows that were settled while nothing could be written."""
        self.unsynced = False
        self._torn = False

    def write(self, document: str) -> None:
        """A document as JSON. Raises OSError: then nothing of it counts."""
        self._append(_line_of(document))

    def settle(self, document: str) -> None:
        """A row was settled. Raises OSError: then it waits."""
        self.unwritten.append(document)
        self.flush()

    def flush(self) -> None:
        """Write down what was settled and is not yet. Raises OSError: then all of it waits, and a
        row may be written twice."""
        if self.unwritten:
            self._append(b"".join(map(_line_of, self.unwritten)))
            self.unwritten.clear()

    def _append(self, lines: bytes) -> None:
        if self._torn:
            lines = b"\n" + lines
        written = os.write(self._file, lines)
        self.size += written
        self.unsynced = True
        self._torn = written < len(lines)
        if self._torn:
            raise OSError("the journal's disk is full")

    def sync(self) -> None:
        """Raises OSError."""
        self.unsynced = False
        os.fdatasync(self._file)

    def remove(self) -> None:
        """Everything in it is in the ledger."""
        self.path.unlink(missing_ok=True)
        os.close(self._file)

    def close(self) -> None:
        """Leave it to the next process that starts."""
        os.close(self._file)


class Journal:
    """The files of one process."""

    def __init__(self, directory: Path, instance: str) -> None:
        """Raises OSError."""
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._instance = instance
        self._count = 0
        self.fault: str | None = None
        """Why it could not be written, as long as it cannot."""
        self.files: list[JournalFile] = []
        self._next_file()

    def _next_file(self) -> JournalFile:
        self._count += 1
        file = JournalFile(self._directory, f"{self._instance}.{self._count}")
        self.files.append(file)
        return file

    @property
    def current(self) -> JournalFile:
        """The file for a new request."""
        file = self.files[-1]
        if file.size < LARGEST:
            return file
        try:
            return self._next_file()
        except OSError as error:  # then the one that there is grows, as far as it can
            self.failed(error)
            return file

    def failed(self, error: OSError) -> None:
        """It could not be written, and nothing of that counts."""
        said = error.strerror or str(error)
        if self.fault is None:
            _log.error("the journal of limits cannot be written: %s", said)
        self.fault = said

    def probe(self) -> None:
        """Whether it can be written again, by a line that says nothing."""
        with contextlib.suppress(OSError):
            self.files[-1].write("{}")
            self.fault = None
            _log.warning("the journal of limits can be written again")

    def remove_booked(self) -> None:
        """The files before the current one whose requests are all in the ledger."""
        for file in [file for file in self.files[:-1] if not file.pending]:
            self.files.remove(file)
            file.remove()

    def flush(self) -> None:
        """Write down what was settled. Raises OSError."""
        for file in self.files:
            file.flush()

    def sync(self) -> None:
        """Raises OSError."""
        for file in list(self.files):
            if file.unsynced:
                file.sync()

    def close(self, *, booked: bool) -> None:
        """`booked`: everything is in the ledger."""
        for file in self.files:
            if booked:
                file.remove()
            else:
                with contextlib.suppress(OSError):
                    file.flush()
                file.close()
        self.files.clear()


def _line_of(document: str) -> bytes:
    text = document.encode()
    return b"%b %08x\n" % (text, crc32(text))


class Form:
    """The rows of one caller at one target, as the journal has them."""

    __slots__ = ("_caller", "_prices", "_target")

    def __init__(
        self, key_id: str, team: str, persona: str, provider: str, model: str, revision: str
    ) -> None:
        self._caller = _listed(key_id, team, persona)
        self._target = _listed(provider, model)
        self._prices = quoted(revision)

    def held(
        self, name: str, at: int, user: str, needs: Sequence[int], request: str, charges: str
    ) -> str:
        """What is held for a request: the row as it stands should the process be killed. The
        target is the one that is asked first.
        """
        _, _, read, written, usd, _ = needs
        return (
            f'{{"v":{_ROW},"op":"hold","row":["{name}",{at},{self._caller},"{user}",{self._target},'
            f'"presumed",0,{read},0,0,{written},0,{usd or _NULL},{self._prices},"",'
            f"{quoted(request)},null,null,{charges}]}}"
        )

    def settled(self, values: Sequence[Any], charges: str) -> str:
        """How it ended: a row's values, as the ledger has them."""
        (name, at, _, _, _, user, _, _, state, attempts, read, cached, written, output, reasoning,
         cost, _, decision, request, _, why, _, _) = values  # fmt: skip
        return (
            f'{{"v":{_ROW},"op":"settle","row":["{name}",{at},{self._caller},"{user}",'
            f'{self._target},"{state}",{attempts},{read},{cached},{written},{output},{reasoning},'
            f'{_NULL if cost is None else cost},{self._prices},"{decision}",{quoted(request)},null,'
            f"{_NULL if why is None else quoted(why)},{charges}]}}"
        )


def _listed(*texts: str) -> str:
    """As JSON, between brackets."""
    return ",".join(map(quoted, texts))


def charges_form(counters: Sequence[CounterId]) -> str:
    """What a row counts in these, as JSON. To be filled in (`%`): the amounts."""
    return f"[{','.join(map(_charge_form, counters))}]"


def charges_text(counters: Sequence[CounterId], amounts: Sequence[int]) -> str:
    """The same without those that count nothing."""
    counted = [
        (counter, amount) for counter, amount in zip(counters, amounts, strict=True) if amount
    ]
    return charges_form([counter for counter, _ in counted]) % tuple(
        amount for _, amount in counted
    )


def _charge_form(counter: CounterId) -> str:
    name = _listed(counter.scope, counter.name).replace("%", "%%")
    return f"[{name},{counter.window},%d]"


def read_journal(path: Path) -> Iterator[LedgerRow]:
    """The rows that it gives: settled ones as they come, and at the end what was held for requests
    that never were. It has in memory what is held at one moment. Raises OSError.
    """
    held: dict[str, LedgerRow] = {}
    for document in _documents(path):
        for settled, row in _rows(document):
            if settled:
                held.pop(row.id, None)
                yield row
            else:
                held[row.id] = row
    yield from held.values()


def _rows(document: dict[str, Any]) -> Iterator[tuple[bool, LedgerRow]]:
    """What a line says: rows, and whether they were settled."""
    if document.get("v") == _ROWS:
        for values in document["rows"]:
            yield True, row_of(values[:-1])
    elif document.get("v") == _ROW:
        *fields, counted = document["row"]
        charges = tuple(Charge(CounterId(*name), amount) for *name, amount in counted)
        yield document["op"] == "settle", LedgerRow._make((*fields, charges))


def _documents(path: Path) -> Iterator[dict[str, Any]]:
    """The lines that are whole."""
    with path.open("rb") as lines:
        for line in lines:
            text, _, crc = line.rstrip(b"\n").rpartition(b" ")
            if crc == b"%08x" % crc32(text):
                yield loads(text)


def abandoned(directory: Path) -> Iterator[tuple[str, list[Path]]]:
    """The instances whose process is gone, and their files; each is this process's to read while
    the loop is at it. Raises OSError.
    """
    files: defaultdict[str, list[Path]] = defaultdict(list)
    for path in sorted(directory.glob(f"*{_SUFFIX}")):
        files[path.name.removesuffix(_SUFFIX).rpartition(".")[0]].append(path)
    for instance, paths in files.items():
        locks: list[int] = []
        try:
            if all(_lock(path, locks) for path in paths):
                yield instance, paths
        finally:
            for lock in locks:
                os.close(lock)


def _lock(path: Path, locks: list[int]) -> bool:
    """Whether its process is gone; it is locked then."""
    try:
        lock = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    locks.append(lock)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return path.exists()  # else another process was faster
