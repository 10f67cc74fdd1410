"""What an operator is told of a reload: what came of it in each process, or every problem of files
that cannot be used.
"""

from typing import NotRequired

from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on only

from gateway.errors import ErrorDocument


class ProblemDocument(TypedDict):
    """Something in a configuration file that cannot be used."""

    file: str
    """The file's name."""
    line: int | None
    """Its line, from 1 on; null where no line is at fault."""
    path: str
    """The keys that lead there in the file."""
    message: str
    """What is wrong."""


class ProcessReloadDocument(TypedDict):
    """What came of a reload at one process."""

    result: str
    """changed, unchanged, failed, or no_answer from one that gave none within ten seconds, cannot
    be asked, or is being started: it begins with the files as they are then."""
    revision: str | None
    """The revision it serves; null from one that did not answer."""


class WorkerReloadDocument(ProcessReloadDocument):
    """The same of a worker."""

    worker: int
    """Its number, from 1 on."""


class InstanceReloadDocument(ProcessReloadDocument):
    """The same of a process on the store."""

    instance: str
    """As `llm-router instances` lists it."""
    host: str
    """Its machine."""
    problems: NotRequired[list[ProblemDocument]]
    """The first problems of one that failed."""


class RejectedConfigDocument(TypedDict):
    """What an operator is told of files that cannot be used."""

    revision: str
    """The revision that goes on being served."""
    problems: list[ProblemDocument]
    """Every problem, in the order of the files."""
    workers: NotRequired[list[WorkerReloadDocument]]
    """What came of it at each worker; there if there are several."""
    instances: NotRequired[list[InstanceReloadDocument]]
    """What came of it at each process on the store; there if all were asked."""


class NotReloadedDocument(ErrorDocument, RejectedConfigDocument):
    """The files cannot be used; nothing has changed."""


class ReloadedDocument(TypedDict):
    """The files were read again and can be used."""

    revision: str
    """The revision that is served now."""
    previous: str
    """The revision that was served before."""
    changed: bool
    """Whether they differ."""
    needs_restart: list[str]
    """Settings that differ from those the server was started with: they hold after the next start.
    """
    workers: NotRequired[list[WorkerReloadDocument]]
    """What came of it at each worker; there if there are several."""
    instances: NotRequired[list[InstanceReloadDocument]]
    """What came of it at each process on the store; there if all were asked."""
