"""The set-ups for Python that gateway/api/README.md shows, run as they are written, but for
address, key and persona."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.clients.installing import Environment
from tests.clients.programs import Server
from tests.clients.running import Ended, Outcome, environ_of, run
from tests.pages import ROOT, blocks

_PAGE: Final = ROOT / "gateway" / "api" / "README.md"
_FIRST_LINE: Final = "# pip install "
_WRITTEN: Final = ("http://127.0.0.1:8001", "unused", "code_assistant")
_SAID: Final = "Hello!"
"""What each of them says, and the simulated providers say again."""
ENVIRONMENTS: Final[Mapping[str, str]] = {
    "openai": "python-sdks",
    "anthropic": "python-sdks",
    "google-genai": "python-sdks",
    "langchain-anthropic": "python-sdks",
    "langchain-openai": "langchain",
    "langchain-google-genai": "langchain",
}
"""Where each package is installed."""


def setups(page: str) -> list[tuple[str, str]]:
    """The package that each block of Python installs, and the block."""
    return [
        (block.partition("\n")[0].removeprefix(_FIRST_LINE).strip(), block)
        for block in blocks(page, "python")
    ]


def shown() -> list[tuple[str, str]]:
    """Those of the page."""
    return setups(_PAGE.read_text("utf-8"))


def told(block: str, server: Server) -> str:
    """The block for a server of ours."""
    for written, ours in zip(_WRITTEN, (server.url, server.key, server.model), strict=True):
        block = block.replace(written, ours)
    return block


async def run_setup(
    package: str, block: str, server: Server, where: Sequence[Environment]
) -> Outcome:
    """Well if it ends by itself, and what it says stands in what it prints."""
    with tempfile.TemporaryDirectory(prefix="client-") as directory:
        home = Path(directory)
        environ = environ_of({"LANGSMITH_TRACING": "false"}, home, where)
        python = str(where[-1].programs / "python")
        ended = await run((python, "-c", told(block, server)), home, environ)
    return Outcome(f"setup {package}", server.model, problems_of(ended), ended.seconds)


def problems_of(ended: Ended) -> list[str]:
    """What is not as it must be; empty if all is well."""
    if ended.status == 0 and _SAID in ended.output:
        return []
    last = " ⏎ ".join((ended.errors or ended.output).strip().splitlines()[-3:])[-500:]
    return [f"exit status {ended.status}: {last}"]
