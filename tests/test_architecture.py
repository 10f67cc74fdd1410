"""The laws of the house: what may import what, what enters only at the top, and how long a file may
be.

The rooms and their rules are described in gateway/README.md.
"""

import ast
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(p for house in ("gateway", "translators") for p in (ROOT / house).rglob("*.py"))

FLOORS = [
    {"gateway.__main__"},
    {"gateway.cli"},
    {"gateway.app", "gateway.server"},
    {"gateway.console"},
    {"gateway.api"},
    {"gateway.dispatch"},
    {"gateway.cluster"},
    {"gateway.admission"},
    {"gateway.routing"},
    {
        "gateway.revisions",
        "gateway.health",
        "gateway.accounting",
        "gateway.upstream",
        "gateway.cache",
    },
    {"gateway.lint", "gateway.workers", "gateway.http", "gateway.store"},
    {"gateway.config", "gateway.telemetry", "gateway.errors", "gateway.simulator"},
    {"translators.registry", "translators.repair"},
    {"translators.openai", "translators.claude", "translators.gemini", "translators.responses"},
    {"translators.dialect", "translators.history", "translators.text_fast_path"},
    {"translators.chat"},
    {
        "translators.failures",
        "translators.media",
        "translators.long_texts",
        "translators.known_tools",
        "translators.sealed",
        "translators.json_access",
    },
    {"translators.long_json", "translators.splices", "translators.known_messages"},
    {
        "translators.capabilities",
        "translators.notes",
        "translators.errors",
        "translators.sse",
        "translators.json_codec",
        "translators.retry_after",
    },
    {"translators.pieces"},
]
"""Top to bottom. A room imports itself and what stands on floors below it."""

ROOT_MODULES = {"gateway", "gateway.__main__", "gateway.app", "gateway.errors"}

IN_MEMORY = "io.BytesIO"
IMPURE = {
    "asyncio",
    "logging",
    "random",
    "secrets",
    "time",
    "os",
    "io",
    "socket",
    "threading",
    "aiohttp",
    "subprocess",
    "uuid",
    "pathlib",
}
CLOCKS = {"time", "random", "os", "asyncio", "logging"}
TOLD_THE_TIME = ("gateway.routing", "gateway.health")
TOLD_THE_TIME_TOO = {
    f"gateway.accounting.{name}"
    for name in ("token_estimate", "cost", "usage", "observed", "prompt_contents")
}

NOUNS = {"accounting", "sampling", "thinking", "reasoning", "grounding", "decoding", "routing"}
"""Words of the field that happen to end in -ing."""
NOT_A_NAME = re.compile(r"(^|_)(utils?|helpers?|common|base|manager|misc|shown|exact)($|_)")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str | None:
    return next(
        (
            name
            for floor in FLOORS
            for name in floor
            if module == name or module.startswith(name + ".")
        ),
        None,
    )


def floor_of(module: str) -> int | None:
    name = room(module)
    return next((i for i, floor in enumerate(FLOORS) if name in floor), None)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_imports_point_down(path: Path) -> None:
    """A module imports its own room and the floors below it; nothing of `translators` imports the
    gateway.
    """
    here = module_name(path)
    if here in ("gateway", "translators"):
        return
    own = floor_of(here)
    assert own is not None, f"{here} stands on no floor: add it to FLOORS"
    for target in imports(path):
        if target.startswith(("gateway.", "translators.")) and room(target) != room(here):
            there = floor_of(target)
            assert there is not None, f"{here} imports {target}, which stands on no floor"
            assert there > own, f"{here} imports {target} from its own floor or above"


DIALECTS = ("claude", "gemini", "openai", "responses")


@pytest.mark.parametrize(
    "path",
    [p for p in SOURCES if p.parts[-3] in DIALECTS or p.parent.name in DIALECTS],
    ids=module_name,
)
def test_rooms_of_a_dialect_point_down(path: Path) -> None:
    """`request` may use `answer`, `inbound` both, all the dialect's own files, never the other way
    round.
    """
    here = module_name(path)
    dialect = ".".join(here.split(".")[:2])
    below = here.removeprefix(dialect).lstrip(".").partition(".")[0]
    banned = {"answer": ("request",), "request": (), "inbound": ()}.get(
        below, ("request", "answer")
    )
    if path.name == "__init__.py" and here == dialect:
        return  # the face
    for target in imports(path):
        assert not target.startswith(tuple(f"{dialect}.{name}." for name in banned)), (
            f"{here} imports {target}"
        )


@pytest.mark.parametrize("path", [p for p in SOURCES if "translators" in p.parts], ids=module_name)
def test_translators_are_pure(path: Path) -> None:
    """No I/O, clock, randomness, logger or environment in the translators, and nothing of the
    gateway.
    """
    for target in imports(path):
        assert target == IN_MEMORY or target.split(".")[0] not in IMPURE, target
        assert not target.startswith("gateway"), target


@pytest.mark.parametrize(
    "path",
    [
        p
        for p in SOURCES
        if module_name(p).startswith(TOLD_THE_TIME) or module_name(p) in TOLD_THE_TIME_TOO
    ],
    ids=module_name,
)
def test_time_and_randomness_are_arguments(path: Path) -> None:
    """What decides, or keeps what is known, is told the time; gateway.app, gateway.cli and
    gateway.server read it.
    """
    assert CLOCKS.isdisjoint(target.split(".")[0] for target in imports(path))
    assert not re.search(r"\b(datetime\.now|date\.today)\b", path.read_text("utf-8"))


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_no_import_inside_a_function(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    for function in (
        n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    ):
        assert not any(isinstance(n, ast.Import | ast.ImportFrom) for n in ast.walk(function)), (
            function.name
        )


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_files_and_functions_can_be_read_in_one_sitting(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 400
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a file begins by saying what it is"
    for function in (
        n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    ):
        assert (function.end_lineno or 0) - function.lineno < 60, function.name


def test_the_root_holds_three_modules() -> None:
    assert {module_name(p) for p in SOURCES if p.parent == ROOT / "gateway"} == ROOT_MODULES


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_names_are_nouns_of_the_field(path: Path) -> None:
    name = module_name(path).rpartition(".")[2]
    assert not NOT_A_NAME.search(name)
    assert all(not word.endswith("ing") or word in NOUNS for word in name.split("_")), (
        f"{name}: no gerund"
    )


LOOP = ("gateway.dispatch", "gateway.routing")
CALLED_BACK = {
    (
        "gateway.dispatch.failover",
        "attempts",
        "calls.remaining",
    ): "a clock: the seconds that a request still has",
    (
        "gateway.dispatch.continuation",
        "self._response.listened",
        "self._read_at_once",
    ): "an event listener: told what arrives while its task waits, instead of being woken up",
}
"""What is handed down to be called all the same: the module, the function it is handed to, what it
is, and why. Clocks and randomness may be; beside this table they are plain attributes (`clock`,
`now`, `dice`, `held_up`) and no methods of these rooms.
"""


def test_calls_point_down() -> None:
    """In the loop that answers a request no method of an upper module is handed to a lower one: no
    callback leads up again.
    """
    trees = {
        module_name(path): ast.parse(path.read_text("utf-8"))
        for path in SOURCES
        if module_name(path).startswith(LOOP)
    }
    methods = {name: found for tree in trees.values() for name, found in methods_of(tree).items()}
    fields = {name for path in SOURCES for name in fields_of(ast.parse(path.read_text("utf-8")))}
    unmistakable = set().union(*methods.values()) - fields
    assert {"complete", "remember", "batches", "hang_up"} <= unmistakable
    handed = {
        (module, *what)
        for module, tree in trees.items()
        for what in handed_over(tree, methods, unmistakable)
    }
    assert handed == set(CALLED_BACK)


def methods_of(tree: ast.AST) -> dict[str, set[str]]:
    """By the classes of a file: the names of what is called of them, properties not being
    called."""
    return {
        node.name: {
            f.name
            for f in node.body
            if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef) and not is_property(f)
        }
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }


def is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return "property" in map(last_name, function.decorator_list)


def fields_of(tree: ast.AST) -> Iterator[str]:
    """The names of data: of an object whose class is not known, an attribute of such a name may be
    no method.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from (
                last_name(item.target) for item in node.body if isinstance(item, ast.AnnAssign)
            )
            yield from (
                f.name for f in node.body if isinstance(f, ast.FunctionDef) and is_property(f)
            )
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def handed_over(
    tree: ast.Module, methods: dict[str, set[str]], unmistakable: set[str]
) -> Iterator[tuple[str, str]]:
    """A method, or a lambda that holds `self`, as an argument of any call, behind what is
    called."""
    classes = {**classes_of(tree, set(methods)), "self": set(methods_of(tree))}
    for node in [node for node in ast.walk(tree) if isinstance(node, ast.Call)]:
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            if isinstance(argument, ast.Attribute):
                known = {
                    name
                    for of in classes.get(last_name(argument.value), ())
                    for name in methods[of]
                }
                found = argument.attr in unmistakable | known
            else:
                found = isinstance(argument, ast.Lambda) and any(
                    last_name(n) == "self" for n in ast.walk(argument)
                )
            if found:
                yield ast.unparse(node.func), ast.unparse(argument)


def classes_of(tree: ast.AST, classes: set[str]) -> dict[str, set[str]]:
    """What the names of arguments and attributes in a file stand for, as far as they say it or are
    made there.
    """
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            found.setdefault(node.arg, set()).update(
                classes.intersection(re.findall(r"\w+", ast.unparse(node.annotation)))
            )
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            for target in node.targets:
                found.setdefault(last_name(target), set()).update(
                    classes & {last_name(node.value.func)}
                )
    return found


RECORDS = {"Exchange": "exchange.py", "Attempt": "attempt_record.py"}
"""Where in gateway/dispatch they stand. Their own methods alone assign their fields."""
CHANGES = {"append", "extend", "insert", "update", "add", "pop", "remove", "clear", "setdefault"}


def test_who_owns_a_record_writes_it() -> None:
    """No assignment to a field of Exchange or Attempt, and no change of what one holds, except by
    its own methods (`self`).
    """
    fields = {
        node.target.id
        for name, owner in RECORDS.items()
        for record in ast.parse((ROOT / "gateway" / "dispatch" / owner).read_text("utf-8")).body
        if isinstance(record, ast.ClassDef) and record.name == name
        for node in record.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    assert {"served", "first_chunk_at"} <= fields
    trees = {
        path: ast.parse(path.read_text("utf-8"))
        for path in SOURCES
        if path.parts[len(ROOT.parts)] == "gateway"
    }
    names = {name for tree in trees.values() for name in names_of_records(tree)}
    assert {"exchange", "attempt"} <= names
    written = [
        f"{module_name(path)}:{node.lineno} {ast.unparse(node)}"
        for path, tree in trees.items()
        for node in changed(tree)
        if node.attr in fields and last_name(node.value) in names
    ]
    assert written == []


def names_of_records(tree: ast.AST) -> Iterator[str]:
    """What a file calls values of these classes: as arguments and variables with a type, and where
    it makes or keeps one.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None and is_record(node.annotation):
            yield node.arg
        elif isinstance(node, ast.AnnAssign) and is_record(node.annotation):
            yield last_name(node.target)
        elif isinstance(node, ast.Assign):
            for target, value in pairs(node):
                made = isinstance(value, ast.Call) and last_name(value.func) in RECORDS
                if made or last_name(value) in ("exchange", "attempt"):
                    yield last_name(target)


def pairs(node: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each name that is assigned, with what it is given."""
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            yield from zip(target.elts, node.value.elts, strict=False)
        else:
            yield target, node.value


def is_record(annotation: ast.expr) -> bool:
    return set(re.findall(r"\w+", ast.unparse(annotation))) <= {*RECORDS, "None", "Optional"}


def last_name(node: ast.AST) -> str:
    """`exchange` of `exchange`, `self._exchange` and `http.exchange`."""
    return (
        node.attr
        if isinstance(node, ast.Attribute)
        else node.id
        if isinstance(node, ast.Name)
        else ""
    ).lstrip("_")


def changed(tree: ast.AST) -> Iterator[ast.Attribute]:
    """The attributes that are assigned, deleted, or changed in place."""
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(
            node.ctx, ast.Store | ast.Del
        ):
            targets = [node]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in CHANGES
        ):
            targets = [node.func.value]
        for target in targets:
            while isinstance(target, ast.Subscript):
                target = target.value
            if isinstance(target, ast.Attribute):
                yield target


KNOWN_TWICE = {
    ("gateway.simulator", "translators"): "the simulator judges translators: it shares no table",
    (
        "translators.gemini.answer.usage._TIERS",
        "translators.gemini.inbound.request._TIERS",
    ): "a request may name three of the tiers that an answer names",
    (
        "translators.gemini.answer.errors._STATUS_OF",
        "translators.gemini.inbound.errors._STATUSES",
    ): "the other way round: several of Google's words are one status",
    (
        "translators.responses.inbound.fields.CHATS",
        "translators.responses.inbound.request._PARAMS",
    ): "what a caller wrote by mistake, and what the hub says of what it did not write",
}
"""Tables, or rooms of tables, that share rows for a reason of their own."""


def test_one_mapping_is_one_table() -> None:
    """No two tables of modules share three rows, in either direction, that are half of one of
    them. A row whose value is private to its file is a row of that file's own.
    """
    tables = {
        f"{module_name(path)}.{name}": rows
        for path in SOURCES
        for name, rows in tables_of(ast.parse(path.read_text("utf-8")))
    }
    assert {"translators.failures.BY_STATUS", "translators.media._ENDINGS"} <= tables.keys()
    twice = {
        (one, other)
        for (one, rows), (other, others) in combinations(sorted(tables.items()), 2)
        if shared(rows, others) >= max(3, min(len(rows), len(others)) / 2)
    }
    assert {pair for pair in twice if not known_twice(*pair)} == set()


def tables_of(tree: ast.Module) -> Iterator[tuple[str, set[tuple[str, str]]]]:
    """A module's tables by name: the rows of each that say the same in any file."""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            written = [n for n in ast.walk(node.value) if isinstance(n, ast.Dict)][:1]
            yield (
                ast.unparse(node.target),
                {
                    (ast.unparse(key), ast.unparse(value))
                    for table in written
                    for key, value in zip(table.keys, table.values, strict=True)
                    if key is not None and not re.match(r"_(?!K\.)", ast.unparse(value))
                },
            )


def shared(rows: set[tuple[str, str]], others: set[tuple[str, str]]) -> int:
    return max(len(rows & others), len(rows & {(value, key) for key, value in others}))


def known_twice(one: str, other: str) -> bool:
    return any(
        one.startswith(first) and other.startswith(second) for first, second in KNOWN_TWICE
    ) or all(name.startswith("gateway.simulator") for name in (one, other))


def test_one_concept_is_one_type() -> None:
    """No two classes of values have the same fields. (Shapes of JSON, which are TypedDicts, may be
    those of a value that is written.)
    """
    found: dict[frozenset[str], str] = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and "TypedDict" not in map(last_name, node.bases):
                fields = frozenset(
                    (ast.unparse(item.target), ast.unparse(item.annotation))
                    for item in node.body
                    if isinstance(item, ast.AnnAssign)
                )
                name = f"{module_name(path)}.{node.name}"
                first = found.setdefault(fields, name) if len(fields) >= 3 else name
                assert first == name, f"{name} has the fields of {first}"


def test_broad_excepts_stand_in_two_places_only() -> None:
    """Where an exception becomes an answer, and the loop that calls telemetry listeners."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ExceptHandler) and (
                node.type is None
                or (isinstance(node.type, ast.Name) and node.type.id == "Exception")
            ):
                found.add(module_name(path))
    assert found == {"gateway.api.middleware", "gateway.telemetry.events"}


DIALECTS_WORDS = {
    "pause_turn", "stop_reason", "STOP", "MAX_TOKENS", "finishReason", "functionCall",
    "functionResponse", "inlineData", "thinking_config",
    "thinkingConfig", "thoughtSignature", "generationConfig", "systemInstruction", "usageMetadata",
    "output_config", "server_tool_use",
    "web_search_requests", "inference_geo", "function_call_output", "output_text", "input_text",
    "previous_response_id",
}  # fmt: skip
"""Names of one provider's API that mean nothing to the hub."""
KNOWN_TO_THE_HUB = {"translators.chat.continuation": {"stop_reason"}}
"""Under `provider_specific` a completion has the provider's own stop reason."""


@pytest.mark.parametrize(
    "path",
    [
        p
        for p in SOURCES
        if not module_name(p).startswith(
            ("gateway.simulator", *(f"translators.{d}" for d in DIALECTS))
        )
    ],
    ids=module_name,
)
def test_the_words_of_a_dialect_stand_in_its_folder(path: Path) -> None:
    """And in the simulator, which pretends to be a provider."""
    tree = ast.parse(path.read_text("utf-8"))
    documentation = {
        id(n.value)
        for n in ast.walk(tree)
        if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)
    }
    texts = {
        n.value
        for n in ast.walk(tree)
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in documentation
    }
    assert texts & DIALECTS_WORDS <= KNOWN_TO_THE_HUB.get(module_name(path), set())
