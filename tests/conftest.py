"""Set-up of the whole test suite."""

from hypothesis import settings

from tests.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]

settings.register_profile(
    "suite", deadline=None
)  # how long an example takes says how busy the machine is
settings.load_profile("suite")
