"""A store that is new is opened by all workers of a machine at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.store.limits_database import opened

WORKERS = 8


def test_workers_that_start_at_once_all_open_a_new_store(tmp_path: Path) -> None:
    """SQLite fails, and does not wait, where two switch a new file to its log at once."""
    for number in range(40):
        path, together = tmp_path / f"{number}.sqlite", threading.Barrier(WORKERS)

        def worker(path: Path = path, together: threading.Barrier = together) -> str:
            together.wait(20)
            database = opened(path)
            checked = database.check()
            database.close()
            return checked

        with ThreadPoolExecutor(WORKERS) as threads:
            running = [threads.submit(worker) for _ in range(WORKERS)]
            assert [each.result(20) for each in running] == ["ok"] * WORKERS
