"""The simulated providers in a process of their own: `python -m tests.soak.upstream PORT`."""

import asyncio
import sys

from tests.strict import server as strict


async def main(port: int) -> None:
    async with strict.running(port=port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
