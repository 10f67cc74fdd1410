"""Tests that run on every database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.admission.instances import URL_FILE, close_all


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A directory of processes whose store is a file in it, or a Postgres."""
    if request.param == "postgres":
        yield from on_postgres(tmp_path, request.getfixturevalue("postgres_url"))
    else:
        yield tmp_path


def on_postgres(directory: Path, url: str) -> Iterator[Path]:
    (directory / URL_FILE).write_text(url)
    yield directory
    close_all()
