"""What is installed, by pip or in the image, holds the data that the code reads."""

import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.serving import ROOT

VOCABULARY = "gateway/accounting/o200k_base.bin"


def test_the_package_holds_the_vocabulary_with_its_licence() -> None:
    """A whole package is taken, with everything in it that Git does not ignore."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert {"include": "gateway"} in project["tool"]["poetry"]["packages"]
    assert (ROOT / VOCABULARY).is_file()
    assert "Copyright (c) 2022 OpenAI" in (ROOT / VOCABULARY).with_suffix(".LICENSE").read_text(
        "utf-8"
    )
    ignored = (ROOT / ".gitignore").read_text("utf-8").split()
    assert not {"*.bin", "*.LICENSE"} & set(ignored)


def test_the_image_is_built_from_the_whole_package() -> None:
    assert "\nCOPY gateway ./gateway\n" in (ROOT / "Dockerfile").read_text("utf-8")
    sent = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert "!gateway" in sent
    assert not [line for line in sent if line.endswith((".bin", ".LICENSE"))]


def test_the_first_page_is_packaged_and_the_others_are_not() -> None:
    """The index shows README.md. The pages beside the source link to each other and to files that
    no package holds.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["readme"] == "README.md"
    assert project["tool"]["poetry"]["exclude"] == ["gateway/**/*.md", "translators/**/*.md"]
    assert "\nCOPY pyproject.toml README.md LICENSE ./\n" in (ROOT / "Dockerfile").read_text(
        "utf-8"
    )
    sent = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert sent.index("**/*.md") < len(sent) - 1 - sent[::-1].index("!README.md"), (
        "the last line that fits a file decides"
    )


IMAGE = ROOT / "config" / "deploy" / "image"


def pinned(file: Path) -> dict[str, tuple[Requirement, int]]:
    """By its name, what a list of requirements says, and how many digests it gives."""
    entries = file.read_text("utf-8").replace("\\\n", " ").splitlines()
    found = {}
    for entry in entries:
        digests = re.findall(r"--hash=sha256:[0-9a-f]{64}", entry)
        requirement = Requirement(entry.partition(" --hash")[0])
        found[canonicalize_name(requirement.name)] = requirement, len(digests)
    return found


def required(names: Iterator[str], extra: str) -> dict[str, Requirement]:
    """What these ask for here, and what that asks for, by the metadata of what is installed."""
    found: dict[str, Requirement] = {}
    waiting = list(names)
    while waiting:
        requirement = Requirement(waiting.pop())
        environment = {**default_environment(), "extra": extra}
        name = canonicalize_name(requirement.name)
        if name in found or not (
            requirement.marker is None or requirement.marker.evaluate(environment)
        ):
            continue
        found[name] = requirement
        waiting += metadata.requires(name) or ()
    return found


def test_the_image_installs_everything_by_digest() -> None:
    """What pyproject.toml asks for, and what that asks for, in versions that fit."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    of_image = ("fast", "postgres", "seal", "otel")
    asked = [*project["dependencies"], *(each for extra in of_image for each in extras[extra])]
    locked = pinned(IMAGE / "requirements.txt")
    missing = {
        name
        for name, requirement in required(iter(asked), "").items()
        if name not in locked
        or not requirement.specifier.contains(next(iter(locked[name][0].specifier)).version)
    }
    assert missing == set()


@pytest.mark.parametrize("file", ["requirements.txt", "build-requirements.txt"])
def test_every_line_of_a_lock_is_one_version_with_its_digests(file: str) -> None:
    for requirement, digests in pinned(IMAGE / file).values():
        assert [part.operator for part in requirement.specifier] == ["=="], requirement
        assert digests >= 1, requirement


def test_the_image_takes_nothing_else() -> None:
    installs = re.findall(r"pip .*?install (.*?)(?: &&|\n)", (ROOT / "Dockerfile").read_text())
    assert installs
    for command in installs:
        assert "--require-hashes" in command or "--no-deps" in command, command
