"""No decision goes by the clock of the machine where there are several."""

from pathlib import Path

import pytest

from tests.odd_instances import SAME, skewed


@pytest.mark.timeout(300)
async def test_clocks_that_are_off_change_no_window_and_no_key(
    tmp_path: Path, postgres_url: str
) -> None:
    found = await skewed(tmp_path, postgres_url, ends=False)
    assert found == {"at_once": SAME["at_once"]}
