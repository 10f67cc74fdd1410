"""Where the console is not enabled, nothing of it is loaded and nobody listens for it."""

import asyncio
import sys

import pytest

from tests.serving import ROOT, clean_environ

PROBE = """
import asyncio, sys
from pathlib import Path
import gateway.__main__
from gateway.app import running_gateway
from gateway.revisions.load import ConfigFiles

async def main(opened):
    files = ConfigFiles(Path("config"), {})
    async with running_gateway(files.load(), files, open_console=opened) as made:
        listeners = len(made.bus._listeners)
        print(listeners, sorted(m for m in sys.modules if m.startswith("gateway.console")))

asyncio.run(main(sys.argv[1] == "open"))
"""


@pytest.mark.parametrize(("how", "listeners"), [("off", "1"), ("open", "2")])
async def test_it_is_loaded_only_where_it_is_enabled(how: str, listeners: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROBE, how, cwd=ROOT, env=clean_environ(PYTHONPATH=str(ROOT)),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    number, _, modules = out.decode().partition(" ")
    assert number == listeners
    assert (modules.strip() == "[]") == (how == "off")
