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
from translators.json_codec import dumps, loads

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a file, after which another one is begun."""
_SUFFIX: Final = ".jsonl"
_HELD: Final = 1
_SETTLED: Final = 2
"""What a line is: a row as it is held, or rows that were settled. A program that does not know the
second takes what was held for spent."""
_log: Final = logging.getLogger("llm_router")


class JournalUnknown(Exception):
    """A whole line of a journal is not what its version says that it is."""


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
        self.unwritten: list[tuple[Any, ...]] = []
        """Values of rows that were settled while nothing could be written."""
        self.unsynced = False
        self._torn = False

    def write(self, document: str) -> None:
        """A document as JSON. Raises OSError: then nothing of it counts."""
        text = document.encode()
        self._write(b"%b %08x\n" % (text, crc32(text)))

    def settle(self, values: tuple[Any, ...]) -> None:
        """A row was settled; its values as the ledger has them. Raises OSError: then it waits."""
        self.unwritten.append(values)
        self.flush()

    def flush(self) -> None:
        """Write down what was settled and is not yet. Raises OSError: then it waits."""
        if self.unwritten:
            text = dumps({"v": _SETTLED, "rows": self.unwritten})
            self._write(b"%b %08x\n" % (text, crc32(text)))
            self.unwritten.clear()

    def _write(self, lines: bytes) -> None:
        if self._torn:
            lines = b"\n" + lines
        written = os.write(self._file, lines)
        self.size += written
        self.unsynced = True
        if written < len(lines):
            self._torn = True
            raise OSError("the journal's disk is full")
        self._torn = False

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


def hold_form(
    key_id: str, team: str, persona: str, provider: str, model: str, revision: str
) -> str:
    """A line that says what is held for a request: the row as it stands should the process be
    killed. To be filled in (`%`): id, time, user, tokens read, tokens written, cost, request,
    charges; the request and the charges as JSON. The target is the one that is asked first.
    """
    caller = ",".join(map(quoted, (key_id, team, persona))).replace("%", "%%")
    target = ",".join(map(quoted, (provider, model))).replace("%", "%%")
    prices = quoted(revision).replace("%", "%%")
    return (
        f'{{"v":{_HELD},"op":"hold","row":["%s",%d,{caller},"%s",{target},"presumed",0,%d,0,0,%d,0,'
        f'%s,{prices},"",%s,null,null,%s]}}'
    )


def charges_form(counters: Sequence[CounterId]) -> str:
    """What a row counts in these, as JSON. To be filled in: the amounts."""
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
    scope, name = (quoted(text).replace("%", "%%") for text in (counter.scope, counter.name))
    return f"[{scope},{name},{counter.window},%d]"


def read_journal(path: Path) -> Iterator[LedgerRow]:
    """The rows that it gives: settled ones as they come, and at the end what was held for requests
    that never were. It has in memory what is held at one moment. Raises OSError, JournalUnknown.
    """
    held: dict[str, LedgerRow] = {}
    for document in _documents(path):
        try:
            found = list(_rows(document))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise JournalUnknown(f"{path} cannot be understood") from None
        for settled, row in found:
            if settled:
                held.pop(row.id, None)
                yield row
            else:
                held[row.id] = row
    yield from held.values()


def _rows(document: dict[str, Any]) -> Iterator[tuple[bool, LedgerRow]]:
    """What a line says: rows, and whether they were settled; nothing if it is of a version that is
    not known: what was held counts then. Raises ValueError, TypeError, KeyError, AttributeError.
    """
    if document.get("v") == _SETTLED:
        for values in document["rows"]:
            yield True, row_of(values[:-1])
    elif document.get("v") == _HELD:
        *fields, counted = document["row"]
        charges = tuple(Charge(CounterId(*name), amount) for *name, amount in counted)
        yield document["op"] == "settle", LedgerRow._make((*fields, charges))


def _documents(path: Path) -> Iterator[Any]:
    """The lines that are whole. Of a file whose process was killed the last one may not be; more
    than that is told, because it is no such thing.
    """
    torn = 0
    with path.open("rb") as lines:
        for line in lines:
            text, _, crc = line.rstrip(b"\n").rpartition(b" ")
            if crc == b"%08x" % crc32(text):
                yield loads(text)
            elif line != b"\n":
                torn += 1
    if torn > 1:
        _log.error("%d lines of %s are damaged, and what they say is lost", torn, path)


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
