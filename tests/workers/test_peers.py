"""gateway.workers.peers: what a worker is told."""

import pytest

from gateway.workers.peers import WorkerIdentity


def test_a_worker_is_told_which_of_how_many_it_is() -> None:
    """By its command line: it divides what all of them have."""
    told = WorkerIdentity(2, 7, 8, 4)
    assert WorkerIdentity.read(str(told)) == told
    with pytest.raises(TypeError):
        WorkerIdentity.read("2:7:8")
