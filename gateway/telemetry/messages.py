"""What the gateway tells its operator on standard error: written by a thread, so that nobody waits
for who reads it, or does not.
"""

import atexit
import logging
import sys
from contextlib import suppress
from queue import Full, Queue
from threading import Thread
from typing import Final

CAPACITY: Final = 1000
"""Messages that wait at most; more are dropped."""
_PATIENCE: Final = 1.0
"""Seconds that the end of the process waits for the last messages."""


class MessageHandler(logging.Handler):
    """Writes in the order of the messages. The thread is a daemon: it may stand in a write that
    never ends.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: Queue[str] = Queue(CAPACITY)
        self._writer: Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except (TypeError, ValueError):
            self.handleError(record)
            return
        if self._writer is None:
            self._writer = Thread(target=self._write_all, name="messages", daemon=True)
            self._writer.start()
            atexit.register(self._end)
        with suppress(Full):
            self._waiting.put_nowait(f"{text}\n")

    def _end(self) -> None:
        waiting = self._waiting
        with waiting.all_tasks_done:
            waiting.all_tasks_done.wait_for(lambda: not waiting.unfinished_tasks, _PATIENCE)

    def _write_all(self) -> None:
        while True:
            text = self._waiting.get()
            with suppress(OSError, ValueError):  # nobody reads it any more
                sys.stderr.write(text)
                sys.stderr.flush()
            self._waiting.task_done()
