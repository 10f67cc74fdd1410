"""Makes gateway/accounting/o200k_base.bin of OpenAI's o200k_base.tiktoken: `python -m
tests.accounting.pack o200k_base.tiktoken`.

The file holds zlib of: the length of each token in the order of their ranks, one byte each, then
the tokens one behind the other.
"""

import base64
import sys
import zlib
from pathlib import Path

PACKED = Path(__file__).parents[2] / "gateway" / "accounting" / "o200k_base.bin"


def pack(ranks: bytes) -> bytes:
    """The packed form of a .tiktoken file, whose lines are: the token in base64, its rank."""
    tokens = []
    for expected, line in enumerate(ranks.splitlines()):
        token, rank = line.split()
        if int(rank) != expected:
            raise ValueError(f"line {expected + 1}: rank {int(rank)}")
        tokens.append(base64.b64decode(token))
    return zlib.compress(bytes(map(len, tokens)) + b"".join(tokens), 9)


if __name__ == "__main__":
    PACKED.write_bytes(pack(Path(sys.argv[1]).read_bytes()))
