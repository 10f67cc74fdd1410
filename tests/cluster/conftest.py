"""Tests that run on every database."""

from pathlib import Path

import pytest

from tests.cluster.gateways import environ_of


@pytest.fixture(params=["sqlite", "postgres"])
def environ(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Of gateways that share a store of that kind, and a state key."""
    postgres = request.param == "postgres"
    return environ_of(tmp_path, request.getfixturevalue("postgres_url") if postgres else None)
