"""Faults planted one by one into a copy of the project, to see that its own checks notice: `python -m tests.mutants [NAME …]`.

Each mutant is one replacement in one file and the command that must fail because of it: tests where a rule is broken, chaos or soak
where these claim to see it. A mutant whose command passes has survived, and is a hole in the checks. Exits with 1 if any survives.
Not part of `make test`: each mutant costs a start of its command. Its own test holds that every replacement still fits the code.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
LONGEST: Final = 420.0
"""Seconds for one command; one that hangs has noticed."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """`before` stands exactly once in `file`; `after` takes its place. `noticed_by` are arguments of `python -m`."""

    name: str
    file: str
    before: str
    after: str
    noticed_by: tuple[str, ...]

    def plant(self, root: Path) -> None:
        path = root / self.file
        text = path.read_text()
        if text.count(self.before) != 1:
            raise ValueError(f"{self.name}: {self.before!r} stands {text.count(self.before)} times in {self.file}, not once")
        path.write_text(text.replace(self.before, self.after))


def _pytest(*paths: str) -> tuple[str, ...]:
    return ("pytest", "-x", "-q", "-p", "no:cacheprovider", *paths)


MUTANTS: Final = (
    # Routing.
    Mutant(
        "an open breaker lets calls through", "gateway/routing/breaker.py",
        '            case "open":\n                return None\n', '            case "open":\n                return _CALL\n',
        _pytest("tests/routing"),
    ),
    Mutant(
        "a breaker's probe is given to everybody", "gateway/routing/breaker.py",
        "                self._probing = True\n", "                self._probing = False\n",
        _pytest("tests/routing"),
    ),
    Mutant(
        "retries cost no budget", "gateway/routing/failover.py",
        "wait >= remaining() or not budget.take()", "wait >= remaining()",
        _pytest("tests/routing", "tests/api/test_failover.py"),
    ),
    Mutant(
        "a prompt that was too long goes to a window as small", "gateway/routing/failover.py",
        "    for candidate in candidates:\n        if candidate.model.record.context_window <= smallest_window:\n            continue\n",
        "    for candidate in candidates:\n",
        _pytest("tests/routing", "tests/api/test_failover.py"),
    ),
    Mutant(
        "a persona's price ceiling is not looked at", "gateway/routing/selection.py",
        "        elif cost > ceiling:\n", "        elif cost > ceiling * 10**9:\n",
        _pytest("tests/routing"),
    ),
    Mutant(
        "regions of a persona are not looked at", "gateway/routing/selection.py",
        "not in regions:\n", "in regions and False:\n",
        _pytest("tests/routing"),
    ),
    # Translators.
    Mutant(
        "a stream without an end looks whole", "translators/openai/stream.py",
        "        elif self.ended:  # a finish reason", "        elif self._choices:  # a finish reason",
        _pytest("tests/translators/openai"),
    ),
    Mutant(
        "calls of a stream are told apart by index alone", "translators/openai/calls.py",
        "        if given and (call is None or call.given != given):\n", "        if given and call is None:\n",
        _pytest("tests/translators/openai"),
    ),
    Mutant(
        "an answer that broke ends with stop", "translators/openai/finish.py",
        "        if (kind := _BROKEN.get(each)) is not None:\n", "        if (kind := _BROKEN.get(each)) is not None and False:\n",
        _pytest("tests/translators/openai"),
    ),
    Mutant(
        "half a surrogate pair is let through", "translators/jsontext.py",
        'b"\\\\ufffd"', 'escape[0]',
        _pytest("tests/translators/openai", "tests/translators/test_jsontext.py"),
    ),
    # Access.
    Mutant(
        "any key opens the gateway", "gateway/api/access.py",
        "    if not any(matches):\n", "    if not matches:\n",
        _pytest("tests/api/test_access.py"),
    ),
    Mutant(
        "callers' keys administer", "gateway/api/access.py",
        "    if digests & _digests(VARIABLE, environ):\n", "    if False:\n",
        _pytest("tests/api/test_access.py", "tests/api/test_administration.py"),
    ),
    Mutant(
        "the catalog asks for no key", "gateway/api/access.py",
        'OPEN_ROUTES: Final = frozenset({"/health", "/health/ready", "/metrics"})',
        'OPEN_ROUTES: Final = frozenset({"/health", "/health/ready", "/metrics", "/v1/models"})',
        _pytest("tests/api/test_access.py"),
    ),
)  # fmt: skip


def copied(to: Path) -> None:
    """The project's files as git knows them, with what is changed and not committed."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        source = ROOT / name
        if source.is_file():
            target = to / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def survives(mutant: Mutant) -> bool:
    """Whether the command that must notice does not."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        copied(root)
        mutant.plant(root)
        environ = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                [sys.executable, "-m", *mutant.noticed_by], cwd=root, env=environ, capture_output=True, timeout=LONGEST, check=False
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0


def chosen(names: list[str]) -> Iterator[Mutant]:
    return (mutant for mutant in MUTANTS if not names or any(name in mutant.name for name in names))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("names", nargs="*", help="only mutants whose names hold one of these")
    survivors = []
    for mutant in chosen(parser.parse_args().names):
        started = time.monotonic()
        survived = survives(mutant)
        survivors += [mutant.name] if survived else []
        print(f"{'SURVIVES' if survived else 'noticed '}  {time.monotonic() - started:5.0f} s  {mutant.name}", flush=True)
    print(f"{len(survivors)} survive")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
