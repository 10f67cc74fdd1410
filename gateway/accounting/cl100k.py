"""Token ids of cl100k_base as text: LangChain sends them for models that it does not know.

The vocabulary lies in this package; nothing is ever downloaded. Unpacking it takes 20 ms and 8 MB.
"""

import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

ENCODING: Final = "cl100k_base"
VOCABULARY: Final = 100_256
"""Behind them there are only special tokens, which stand for no text."""
DATA: Final = Path(__file__).with_name("cl100k_base.bin")


class NoToken(Exception):
    """`token` is none of the vocabulary's."""

    def __init__(self, token: int) -> None:
        super().__init__(f"{token} is no token of {ENCODING}")
        self.token = token


@cache
def _tokens() -> tuple[bytes, ...]:
    """The token with id 0, 1, 2, ... Raises OSError if the data is not installed."""
    packed = zlib.decompress(DATA.read_bytes())
    tokens, end = [], VOCABULARY
    for length in packed[:VOCABULARY]:
        tokens.append(packed[end : end + length])
        end += length
    return tuple(tokens)


def text_of(ids: Sequence[int]) -> str:
    """The text that not negative ids stand for; U+FFFD for bytes that are no UTF-8.

    Raises NoToken, and OSError if the vocabulary is not installed.
    """
    tokens = _tokens()
    try:
        return b"".join([tokens[number] for number in ids]).decode("utf-8", "replace")
    except IndexError:
        raise NoToken(next(number for number in ids if number >= len(tokens))) from None
