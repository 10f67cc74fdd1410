"""README.md is true and short: its examples run, its routes, headers and errors are the served
ones. Links of all pages resolve.
"""

import ast
import asyncio
import re
import shutil
import sys
from pathlib import Path

import pytest

from gateway.accounting.usage import USAGE_ESTIMATED
from gateway.api.routes import ROUTES
from gateway.dispatch.continuation import EMPTY
from tests.pages import (
    PAGES,
    ROOT,
    SOURCES,
    anchors,
    blocks,
    error_codes,
    nodes,
    page,
    section,
    spans,
    words,
)
from tests.test_process import gateway_process
from translators.chat.emulation import NOT_CALLED, NOT_IN_SCHEMA
from translators.openai.answer.finish_reason import UNKNOWN_FINISH_REASON

README = page("README.md")

OF_RANGES = {
    f"{kind}_{bound}_value"
    for kind in ("integer", "decimal")
    for bound in ("below_min", "above_max")
}
"""Codes that are put together."""


async def run(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, output.decode()
    return output.decode()


async def test_the_python_example_runs_as_written() -> None:
    (example,) = blocks(README, "python")
    async with gateway_process("--demo") as (_, url):
        output = await run(sys.executable, "-c", example.replace("http://127.0.0.1:8001", url))
    assert "Write a haiku about routers." in output
    assert "Hello!" in output


@pytest.mark.parametrize(
    "example",
    [block for block in blocks(README, "sh") if "curl" in block],
    ids=lambda block: block.split("8001")[1][:30].strip(),
)
async def test_the_curl_examples_run_as_written(example: str) -> None:
    assert shutil.which("curl"), "curl is needed to test the README"
    async with gateway_process("--demo") as (_, url):
        output = await run(
            "bash", "-c", "set -o pipefail; " + example.replace("http://127.0.0.1:8001", url)
        )
    assert "Hello!" in output or "x-llm-router-provider: openai" in output


def test_it_is_read_in_a_few_minutes() -> None:
    assert len(README.splitlines()) <= 200
    assert len(README.encode()) <= 14 * 1024


APIS = page("gateway/api/README.md")


def routes_of(text: str) -> set[str]:
    """The paths in the code spans of a page's routes."""
    found = (
        re.findall(r"(?:^|\s)(/[\w/{}.-]+)", span) for span in spans(section(text, "## Routes"))
    )
    return {path for paths in found for path in paths}


def test_the_served_routes_are_the_documented_ones() -> None:
    """Google's versions are one route, and so are Responses with and without `/v1`."""
    served = set()
    for route in ROUTES:
        path = route.path.replace("{id:.+}", "{id}").replace("/v1/responses", "/responses")
        if route.dialect.NAME == "gemini":
            path = re.sub(r"^/v1\w*/", "/{v}/", path)
        served.add(path)
    documented = {path.replace("/v1/responses", "/responses") for path in routes_of(APIS)}
    own = routes_of(README) - {"/v1/responses", "/v1beta/models/{id}"}
    assert served == (documented | own) - {"/v1/completions"}


def test_every_header_is_documented() -> None:
    """Those of ours that the code names, in either direction; of some it names only the
    beginning."""
    named = {
        node.value.rstrip("-")
        for node in nodes()
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"x-llm-router-[a-z-]+", node.value)
    }
    documented = {
        name.rstrip("-")
        for span in spans(section(README, "## Headers"))
        for name in re.findall(r"x-llm-router-[a-z-]+", span)
    }
    assert documented == named


def test_every_warning_is_documented() -> None:
    told = {EMPTY, USAGE_ESTIMATED, NOT_CALLED, NOT_IN_SCHEMA, UNKNOWN_FINISH_REASON}
    assert told <= spans(section(README, "## Headers"))


def test_every_error_code_is_documented() -> None:
    documented = words(section(README, "## Errors"))
    assert (error_codes() | OF_RANGES) - documented == set()


def test_every_documented_error_code_exists() -> None:
    table = "\n".join(
        line.rpartition(" | ")[2]
        for line in section(README, "## Errors").splitlines()
        if line.startswith("| ")
    )
    sources = "".join(path.read_text("utf-8") for path in SOURCES)
    missing = {
        code
        for code in spans(table) - {"code"} - OF_RANGES
        if f'"{code.removeprefix("upstream_tls_")}"' not in sources
    }
    assert missing == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), target
        assert ROOT in there.parents, target
        if anchor:
            assert anchor in anchors(there.read_text("utf-8")), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_a_page_names_is_there(path: Path) -> None:
    if path.name == "CHANGELOG.md":  # tells of what was, too
        return
    for span in spans(path.read_text("utf-8")):
        if (
            re.fullmatch(r"(gateway|translators|tests|config)/[\w./-]+", span)
            and "NAME" not in span
        ):
            assert (ROOT / span).exists(), span


@pytest.mark.parametrize(
    "path",
    [path for path in PAGES if path.name == "README.md"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_page_is_linked_from_the_first(path: Path) -> None:
    assert path == ROOT / "README.md" or f"({path.relative_to(ROOT)}" in README


def test_no_machine_and_no_foreign_place_is_named() -> None:
    for path in [
        *PAGES,
        *(ROOT / "config").rglob("*.yaml"),
        *(ROOT / "gateway").rglob("*.py"),
        *(ROOT / "translators").rglob("*.py"),
    ]:
        text = path.read_text("utf-8")
        assert not re.search(r"/(work|home|root)/", text), path
        assert not re.search(r"\bshared/", text), path


def test_the_changelog_speaks_of_the_next_release() -> None:
    assert "## Unreleased" in page("CHANGELOG.md")


def test_the_version_is_one() -> None:
    version = re.search(r'^version = "(.*)"', page("pyproject.toml"), re.MULTILINE)
    from_source = re.search(r'VERSION: Final = "(.*)"', page("gateway/api/request.py"))
    assert version is not None
    assert from_source is not None
    assert version[1] == from_source[1]
    chart = page("config/deploy/helm/llm-router/Chart.yaml")
    assert f'version: {version[1]}\nappVersion: "{version[1]}"' in chart
