"""Each fault, from connecting to the middle of a stream: the caller sees what the table says, and
nothing is left over.
"""

import pytest

from tests.chaos.fault import Fault
from tests.chaos.faults import FAULTS
from tests.chaos.run import run
from tests.chaos.store_faults import STORE_FAULTS, StoreFault
from tests.chaos.store_run import Kept, run_store
from tests.chaos.table import PAGE, expected_page
from tests.postgres import Server


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
async def test_a_fault_looks_as_specified(fault: Fault) -> None:
    results, left = await run(fault)
    assert [str(result) for result in results if not result.as_specified] == []
    assert left == []


@pytest.mark.parametrize(
    "fault",
    [each for each in STORE_FAULTS if each.store == "sqlite"],
    ids=lambda fault: fault.title,
)
async def test_a_file_that_fails_costs_what_is_specified(fault: StoreFault) -> None:
    result = await run_store(fault, None)
    assert (result.seen, result.kept, result.failed) == (fault.seen, Kept(), 0)


@pytest.mark.parametrize(
    "fault", [each for each in STORE_FAULTS if each.store == "postgres"], ids=lambda f: f.title
)
async def test_a_postgres_that_fails_costs_what_is_specified(
    fault: StoreFault, postgres_server: Server
) -> None:
    result = await run_store(fault, postgres_server)
    assert (result.seen, result.kept, result.failed) == (fault.seen, Kept(), 0)


def test_the_table_shows_the_expectations() -> None:
    assert PAGE.read_text("utf-8") == expected_page(), "run: python -m tests.chaos"
