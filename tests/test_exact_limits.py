"""As many as a limit says, and not one more, whichever process they come to."""

from pathlib import Path

import pytest

from tests.exact_limits import EXACT, four_instances, four_workers


@pytest.mark.timeout(300)
async def test_four_workers_have_one_limit(tmp_path: Path) -> None:
    assert await four_workers(tmp_path, 5) == [EXACT] * 5


@pytest.mark.timeout(300)
async def test_four_instances_have_one_limit(tmp_path: Path, postgres_url: str) -> None:
    assert await four_instances(tmp_path, 5, postgres_url) == [EXACT] * 5
