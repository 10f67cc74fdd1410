"""Set-up of the whole test suite."""

from hypothesis import settings

settings.register_profile(
    "suite", deadline=None
)  # how long an example takes says how busy the machine is
settings.load_profile("suite")
