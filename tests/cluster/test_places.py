"""Places at a provider are divided among the instances that are there."""

from contextlib import AsyncExitStack

from tests.cluster.gateways import POLICY, gateways, until
from tests.fakes import fake_upstream
from tests.serving import Running


def part_of(running: Running) -> tuple[int, int]:
    places = running.gateway.dispatcher.places
    return places.of, places.rank


async def test_instances_divide_them_anew_when_one_comes_or_goes(environ: dict[str, str]) -> None:
    async with fake_upstream() as fake, gateways(fake, environ, policy=POLICY) as (first,):
        await until(lambda: part_of(first) == (1, 0))
        async with AsyncExitStack() as stack:
            (second,) = await stack.enter_async_context(gateways(fake, environ, policy=POLICY))
            await until(lambda: {part_of(first), part_of(second)} == {(2, 0), (2, 1)})
        await until(lambda: part_of(first) == (1, 0))
