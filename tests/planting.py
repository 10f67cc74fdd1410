"""A fault planted into a copy of the project, and whether a command is content with it."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
LONGEST: Final = 420.0
"""Seconds for one command; one that hangs has noticed."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """`before` stands exactly once in `file`; `after` takes its place. `noticed_by` are arguments
    of `python -m`.
    """

    name: str
    file: str
    before: str
    after: str
    noticed_by: tuple[str, ...]

    def plant(self, root: Path) -> None:
        path = root / self.file
        text = path.read_text()
        if text.count(self.before) != 1:
            raise ValueError(
                f"{self.name}: {self.before!r} stands {text.count(self.before)} times in"
                f" {self.file}, not once"
            )
        path.write_text(text.replace(self.before, self.after))


def copied(to: Path) -> None:
    """The project's files as git knows them, with what is changed and not committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        source = ROOT / name
        if source.is_file():
            target = to / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def passes(command: tuple[str, ...], mutant: Mutant | None = None) -> bool:
    """Whether the command is content with a copy of the project, in which the fault may be
    planted."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        copied(root)
        if mutant is not None:
            mutant.plant(root)
        environ = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                [sys.executable, "-m", *command],
                cwd=root,
                env=environ,
                capture_output=True,
                timeout=LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0
