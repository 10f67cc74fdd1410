"""config/README.md's three instances behind nginx do what it says."""

from pathlib import Path

import pytest

from tests.three_instances import NGINX, NOT_CHECKED, Outcome, run


@pytest.mark.timeout(300)
async def test_three_instances_behind_nginx_are_one(tmp_path: Path, postgres_url: str) -> None:
    if NGINX is None:
        pytest.skip(NOT_CHECKED)
    expected = Outcome(
        at_the_limit={200: 100, 429: 100},
        after_a_kill={200: 20},
        revoked={401: 10},
        verified="Every counter and every day is the sum of the ledger's rows.",
    )
    assert await run(tmp_path, postgres_url) == expected
