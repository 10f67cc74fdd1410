"""A restart of all instances, one after the other, costs no request; a kill costs those that the
instance held, and their callers can see it. (`python -m tests.rolling_restart` with more of them.)
"""

from pathlib import Path

import pytest

from tests.rolling_restart.run import Scale, run
from tests.three_instances import NGINX, NOT_CHECKED

VERIFIED = "Every counter and every day is the sum of the ledger's rows."


@pytest.mark.timeout(300)
async def test_a_restart_costs_no_request_and_a_kill_what_was_held(
    tmp_path: Path, postgres_url: str
) -> None:
    if NGINX is None:
        pytest.skip(NOT_CHECKED)
    outcome = await run(tmp_path, postgres_url, Scale(streams=40, rate=50, chunks=8, pause=0.15))
    assert (outcome.failed, outcome.silent) == ({}, set())
    assert outcome.provider_cut != set()
    assert outcome.provider_cut - outcome.killed_failed == set()
    assert outcome.killed_failed - outcome.killed_held == set()
    assert (outcome.statuses, outcome.verified) == ([0] * 6, VERIFIED)
