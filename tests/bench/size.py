"""Bytes on disk: what a system brings along, without caches and without the tools that
install it."""

from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from tests.bench.processes import ROOT

_INSTALLERS: Final = {"pip", "setuptools", "_distutils_hack", "pkg_resources", "wheel"}


def megabytes(files: Iterable[Path]) -> float:
    return (
        sum(
            file.stat().st_size
            for file in files
            if file.is_file() and not file.is_symlink() and file.suffix != ".pyc"
        )
        / 2**20
    )


def directory_mb(directory: Path) -> float:
    return megabytes(
        file
        for file in directory.rglob("*")
        if not any(_is_installer(part) for part in file.relative_to(directory).parts)
    )


def _is_installer(part: str) -> bool:
    return part.partition("-")[0] in _INSTALLERS


def ours_mb(extra: str = "") -> float:
    """The packages and configuration of this repository, and all that they depend on as installed
    here; with an `extra`, that too.
    """
    found: dict[str, float] = {}
    wanted = [(requirement, extra) for requirement in distribution("llm-router").requires or ()]
    while wanted:
        text, extra = wanted.pop()
        requirement = Requirement(text)
        if requirement.name not in found and (
            requirement.marker is None or requirement.marker.evaluate({"extra": extra})
        ):
            installed = distribution(requirement.name)
            found[requirement.name] = megabytes(
                Path(str(installed.locate_file(file))) for file in installed.files or ()
            )
            extras = ["", *requirement.extras]
            wanted += [
                (needed, wanted_extra)
                for needed in installed.requires or ()
                for wanted_extra in extras
            ]
    return sum(found.values()) + sum(
        directory_mb(ROOT / own) for own in ("gateway", "translators", "config")
    )
