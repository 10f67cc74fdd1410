"""gateway.routing.timeouts: the nearest limit holds."""

from gateway.config import TargetRef, TimeoutOverrides, Timeouts
from gateway.routing.timeouts import DEFAULT_TOTAL, clocks, total
from tests.routing.worlds import model, persona, provider

PROVIDER = provider("x", model("m"), timeouts=Timeouts(connect=1, first_content=2, idle=3, total=4))


def test_the_targets_then_the_personas_then_the_providers() -> None:
    ref = TargetRef("x", "m", timeouts=TimeoutOverrides(connect=10))
    of = persona("x/m", timeouts=TimeoutOverrides(connect=20, first_content=30, total=40))
    assert clocks(PROVIDER, of, ref) == Timeouts(connect=10, first_content=30, idle=3, total=4)
    assert clocks(PROVIDER, of, None) == Timeouts(connect=20, first_content=30, idle=3, total=4)
    assert clocks(PROVIDER, persona("x/m"), TargetRef("x", "m")) is PROVIDER.timeouts
    assert clocks(PROVIDER, None, None) is PROVIDER.timeouts


def test_the_whole_request_has_its_own_total() -> None:
    assert total(persona("x/m", timeouts=TimeoutOverrides(total=40))) == 40
    assert total(persona("x/m")) == total(None) == DEFAULT_TOTAL
