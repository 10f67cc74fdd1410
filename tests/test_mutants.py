"""tests.mutants: each planted fault still fits the code, so that `make mutants` plants what it
says.
"""

import pytest

from tests.mutants import MUTANTS
from tests.planting import ROOT, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_fault_fits_the_code(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text()
    assert text.count(mutant.before) == 1
    assert mutant.after not in text or len(mutant.after) < len(mutant.before)
    compile(text.replace(mutant.before, mutant.after), mutant.file, "exec")


def test_names_are_told_apart() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
