"""Real processes on one store: three instances on Postgres, and the workers of one machine."""

from pathlib import Path

import pytest

from tests.cluster.conversations import ANSWERS, Seen, environ_in, seen
from tests.fakes import fake_upstream
from tests.test_process import gateway_process
from tests.three_instances import run_shared


@pytest.mark.timeout(300)
async def test_three_instances_are_one(tmp_path: Path, postgres_url: str) -> None:
    """Each has a state directory of its own. One is told to wait, and asked first."""
    expected = Seen(1, [200] * 3, [True] * 2, [True] * 2, [True] * 2)
    assert await run_shared(tmp_path, postgres_url) == expected


@pytest.mark.timeout(300)
async def test_the_workers_of_one_machine_are_one(tmp_path: Path) -> None:
    """Each request comes by a connection of its own, to any of them. Both keys of the provider are
    told to wait.
    """
    async with fake_upstream(**ANSWERS) as fake:
        environ = environ_in(tmp_path) | fake.environ() | {"SECOND": "sk-canary-second"}
        file = tmp_path / "config" / "capabilities.yaml"
        one, two = "key_variable: OPENAI_API_KEY", "keys: [OPENAI_API_KEY, SECOND]"
        file.write_text(file.read_text("utf-8").replace(one, two), "utf-8")
        async with gateway_process("--workers", "3", patience=100, **environ) as (_, url):
            found = await seen(fake, url, *[url] * 6)
    assert found == Seen(2, [200] * 7, [True] * 6, [True] * 6, [True] * 6)
