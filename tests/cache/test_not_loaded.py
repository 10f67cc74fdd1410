"""Where no persona has a cache, nothing of it is loaded."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.serving import ROOT, clean_environ

PROBE = """
import asyncio, sys
from pathlib import Path
import gateway.__main__
from gateway.app import running_gateway
from gateway.revisions.load import ConfigFiles

NAMED = ("gateway.cache", "gateway.api.cache", "gateway.api.re", "gateway.store.answers")

async def main():
    files = ConfigFiles(Path(sys.argv[1]), {})
    async with running_gateway(files.load(), files) as made:
        loaded = [m for m in sys.modules if m.startswith(NAMED)]
        known = ("gateway.api.request", "gateway.api.responses", "gateway.api.responses_history")
        print(made.cache is not None, sorted(set(loaded) - set(known)))

asyncio.run(main())
"""
POLICY = "version: 1\npersonas: {p: {targets: [openai/gpt-4.1]%s}}\n"


@pytest.mark.parametrize(("says", "loaded"), [("", False), (", cache: {}", True)])
async def test_it_is_loaded_only_where_a_persona_has_one(
    says: str, loaded: bool, tmp_path: Path
) -> None:
    (tmp_path / "persona_policy.yaml").write_text(POLICY % says)
    (tmp_path / "capabilities.yaml").write_bytes(
        (ROOT / "config" / "capabilities.yaml").read_bytes()
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROBE, str(tmp_path), cwd=ROOT,
        env=clean_environ(PYTHONPATH=str(ROOT), OPENAI_API_KEY="k"),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    there, _, modules = out.decode().strip().partition(" ")
    assert there == str(loaded)
    assert (modules == "[]") == (not loaded)
