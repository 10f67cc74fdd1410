"""The house's rules: imports point down only, translators are pure, no import inside a function, files readable in one sitting."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(p for house in ("gateway", "translators") for p in (ROOT / house).rglob("*.py"))

FLOORS = [
    {"gateway.__main__"},
    {"gateway.cli.main"},
    {"gateway.cli.serve"},
    {"gateway.server.listener", "gateway.app"},
    {"gateway.api"},
    {"gateway.dispatch.dispatcher"},
    {"gateway.dispatch.attempt", "gateway.dispatch.failover"},
    {"gateway.dispatch.streams"},
    {"gateway.dispatch.continuation"},
    {
        "gateway.dispatch.exchange",
        "gateway.dispatch.reasoning_cache",
        "gateway.dispatch.fan_out",
        "gateway.dispatch.resume",
        "gateway.config.reload",
        "gateway.upstream.health_probe",
    },
    {"gateway.cli.check", "gateway.cli.replay"},
    {"gateway.routing"},
    {"gateway.accounting", "gateway.upstream", "gateway.workers"},
    {
        "gateway.config",
        "gateway.errors",
        "gateway.telemetry",
        "gateway.simulator",
        "gateway.telemetry.ids",
        "gateway.server.sockets",
        "gateway.http.offload",
    },
    {"gateway.server.file_descriptors"},
    {"translators.registry", "translators.repair"},
    {"translators.openai", "translators.claude", "translators.gemini", "translators.responses"},
    {"translators.history"},
    {"translators.dialect", "translators.text_fast_path"},
    {"translators.chat", "translators.sse", "translators.media", "translators.retry_after", "translators.long_texts"},
    {"translators.json_codec", "translators.errors"},
]
"""Top to bottom: a room imports from its own floor's room (itself) or from floors below. `server` and `app` may see `api`."""

PURE = {"asyncio", "logging", "random", "secrets", "time", "os", "io", "socket", "threading", "aiohttp", "subprocess", "uuid", "pathlib"}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str | None:
    for floor in FLOORS:
        for name in floor:
            if module == name or module.startswith(name + "."):
                return name
    return None


def floor_of(module: str) -> int | None:
    name = room(module)
    return next((i for i, floor in enumerate(FLOORS) if name in floor), None)


def imports(tree: ast.AST) -> list[str]:
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_imports_point_down(path: Path) -> None:
    """A module imports only from its own room and from the floors below it."""
    here = module_name(path)
    if here in ("gateway", "translators"):
        return
    own = floor_of(here)
    assert own is not None, f"{here} stands on no floor: add it to FLOORS"
    for target in imports(ast.parse(path.read_text("utf-8"))):
        if target.startswith(("gateway.", "translators.")) and room(target) != room(here):
            there = floor_of(target)
            assert there is not None, f"{here} imports {target}, which stands on no floor"
            assert there > own, f"{here} imports {target} from its own floor or above"


@pytest.mark.parametrize("path", [p for p in SOURCES if "translators" in p.parts], ids=module_name)
def test_translators_are_pure(path: Path) -> None:
    """No I/O, clock, dice, logger or environment in the translators, and nothing of the gateway."""
    for target in imports(ast.parse(path.read_text("utf-8"))):
        assert target.split(".")[0] not in PURE, target
        assert not target.startswith("gateway"), target


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_no_import_inside_a_function(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)):
        assert not any(isinstance(n, ast.Import | ast.ImportFrom) for n in ast.walk(function)), function.name


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_files_and_functions_can_be_read_in_one_sitting(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 420
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a file begins by saying what it is"
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)):
        assert (function.end_lineno or 0) - function.lineno < 60, function.name


def test_broad_excepts_stand_in_two_places_only() -> None:
    """The edge and the loop that calls telemetry listeners."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ExceptHandler) and (
                node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception")
            ):
                found.add(module_name(path))
    assert found == {"gateway.api.middleware", "gateway.telemetry.events"}
