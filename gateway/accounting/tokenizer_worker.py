"""o200k's tokenizer, and the process that counts with it: reads texts from standard input and
writes their counts.

It stands alone: nothing of the gateway is imported, so that the process starts quickly and is
small. The vocabulary lies in this package; nothing is ever downloaded. Unpacking it takes 0.2 s and
75 MB, for most of which tiktoken lets no other thread run, and so does every count: therefore not
in the gateway's own process. See gateway.accounting.token_counter for the other side.

A question is frames, each a length (4 bytes, big-endian) and as many bytes of UTF-8, ended by a
length of zero. Its answer is the number of their tokens (8 bytes). The process ends when standard
input does: with its gateway, however that ends.
"""

import os
import signal
import sys
from functools import cache
from pathlib import Path
from typing import BinaryIO, Final

if __name__ == "__main__":
    # It is its gateway's to end. A supervisor signals every process of a service, and answers in
    # flight may still need a count.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)

import zlib

from tiktoken import Encoding

ENCODING: Final = "o200k_base"
VOCABULARY: Final = 199_998
PATTERN: Final = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)


def tokens_by_rank() -> list[bytes]:
    """The vocabulary: the token with rank 0, 1, 2, ..."""
    packed = zlib.decompress(Path(__file__).with_name("o200k_base.bin").read_bytes())
    tokens, end = [], VOCABULARY
    for length in packed[:VOCABULARY]:
        tokens.append(packed[end : end + length])
        end += length
    return tokens


@cache
def encoding() -> Encoding:
    ranks = {token: rank for rank, token in enumerate(tokens_by_rank())}
    return Encoding(ENCODING, pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})


def count(text: str) -> int:
    """Tokens of a text. Of one window at most (see gateway.accounting.token_counter): tiktoken
    panics on a million spaces.
    """
    return len(encoding().encode_ordinary(text))


def answer(questions: BinaryIO, descriptor: int) -> None:
    """Count until there is nothing more to read."""
    counted = 0
    while len(head := questions.read(4)) == 4:
        length = int.from_bytes(head)
        if length:
            counted += count(questions.read(length).decode("utf-8", "surrogatepass"))
        else:
            os.write(descriptor, counted.to_bytes(8))
            counted = 0


if __name__ == "__main__":
    answer(sys.stdin.buffer, sys.stdout.fileno())
