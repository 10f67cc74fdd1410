"""Token ids of cl100k_base as text."""

import hashlib
from pathlib import Path

import pytest

from gateway.accounting import cl100k
from gateway.accounting.cl100k import NoToken, text_of


def test_ids_are_the_text_they_stand_for() -> None:
    assert text_of([15339, 1917]) == "hello world"


def test_bytes_that_are_no_utf_8_are_replaced() -> None:
    assert text_of([222]) == "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("token", [100_256, 100_257, 100_276, 100_277, 10**12])
def test_special_and_unknown_ids_are_no_tokens(token: int) -> None:
    with pytest.raises(NoToken, match=f"{token} is no token of cl100k_base"):
        text_of([15339, token])


def test_the_vocabulary_is_whole() -> None:
    digest = hashlib.sha256()
    for token in cl100k._tokens():
        digest.update(len(token).to_bytes(1) + token)
    expected = "6bfd43f7b31b50b645b3228413547e662af1ae4801e9b192b9791680a71d650c"
    assert (len(cl100k._tokens()), digest.hexdigest()) == (cl100k.VOCABULARY, expected)


def test_its_licence_lies_beside_it() -> None:
    assert "Copyright (c) 2022 OpenAI" in Path(cl100k.DATA).with_suffix(".LICENSE").read_text(
        "utf-8"
    )
