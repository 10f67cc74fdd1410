"""Nothing that a provider answered is lost when gateways are killed."""

from pathlib import Path

import pytest

from tests.killed_gateways import run


@pytest.mark.timeout(300)
async def test_what_was_sent_is_in_the_ledger_once_though_gateways_are_killed(
    tmp_path: Path,
) -> None:
    outcome = await run(tmp_path, 4, None)
    assert outcome.faults == {}
    assert outcome.answered > 0


@pytest.mark.timeout(300)
async def test_so_it_is_where_instances_share_a_postgres(tmp_path: Path, postgres_url: str) -> None:
    outcome = await run(tmp_path, 4, postgres_url)
    assert outcome.faults == {}
    assert outcome.answered > 0
