"""What is installed, by pip or in the image, holds the data that the code reads."""

import tomllib

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
