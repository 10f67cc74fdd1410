"""The journal of a process: what it holds for requests and how they were settled, written before a
provider is asked and before a caller has all of the answer, so that a killed process loses nothing.

What `write` has taken survives the process; a thread syncs it ten times a second, for the case that
the machine fails. What a line says is the business of journal_lines.py.
"""

import contextlib
import fcntl
import logging
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from zlib import crc32

from gateway.admission.amounts import Counts
from gateway.admission.journal_lines import Form, SettledRow, hold_document, row_document

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a file, after which another one is begun."""
_SUFFIX: Final = ".journal"
_OLD_SUFFIX: Final = ".jsonl"
"""Of older programs, which would not understand a journal of this one, and so do not find it."""
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
        self.unwritten: list[tuple[Form, str, SettledRow]] = []
        """What was settled while nothing could be written."""
        self.unsynced = False
        self._torn = False
        self._forms = 0

    def hold(self, form: Form, said: str, held: Counts) -> None:
        """So much is held for a request, of which `said` is said. Raises OSError: then nothing of
        it counts.
        """
        if form.file is not self:
            self._tell(form)
        self.write(hold_document(form, said, held))

    def settle(self, form: Form, said: str, settled: SettledRow) -> None:
        """It has ended. Raises OSError: then it waits."""
        try:
            if form.file is not self:
                self._tell(form)
            self.write(row_document(form, said, settled))
        except OSError:
            self.unwritten.append((form, said, settled))
            raise

    def flush(self) -> None:
        """Write down what was settled and is not yet. Raises OSError: then the rest waits."""
        while self.unwritten:
            self.settle(*self.unwritten.pop())

    def _tell(self, form: Form) -> None:
        """Give it a number here. Raises OSError."""
        self.write(form.document(self._forms + 1))
        self._forms += 1
        form.told(self, self._forms)

    def write(self, document: str) -> None:
        """A document as JSON. Raises OSError: then nothing of it counts."""
        text = document.encode()
        line = text + b" %08x\n" % crc32(text)
        if self._torn:
            line = b"\n" + line
        written = os.write(self._file, line)
        self.size += written
        self.unsynced = True
        self._torn = written < len(line)
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


def abandoned(directory: Path) -> Iterator[tuple[str, list[Path]]]:
    """The instances whose process is gone, and their files; each is this process's to read while
    the loop is at it. Raises OSError.
    """
    files: defaultdict[str, list[Path]] = defaultdict(list)
    for path in sorted([*directory.glob(f"*{_SUFFIX}"), *directory.glob(f"*{_OLD_SUFFIX}")]):
        files[path.stem.rpartition(".")[0]].append(path)
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
