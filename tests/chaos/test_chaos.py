"""Each fault, from connecting to the middle of a stream: the caller sees what the table says, and
nothing is left over.
"""

import pytest

from tests.chaos.fault import Fault
from tests.chaos.faults import FAULTS
from tests.chaos.run import run
from tests.chaos.table import PAGE, expected_page


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
async def test_a_fault_looks_as_specified(fault: Fault) -> None:
    results, left = await run(fault)
    assert [str(result) for result in results if not result.as_specified] == []
    assert left == []


def test_the_table_shows_the_expectations() -> None:
    assert PAGE.read_text("utf-8") == expected_page(), "run: python -m tests.chaos"
