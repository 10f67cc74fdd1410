"""Identifiers that only have to be unique: from a generator of this process, seeded once by the
system, without a system call each.
"""

import random
from typing import Final

_bits: Final = random.Random(random.SystemRandom().getrandbits(256)).getrandbits


def unique(length: int = 22) -> str:
    """`length` hexadecimal digits; an even number of them."""
    return _bits(length * 4).to_bytes(length // 2).hex()


def stamped(at: int) -> str:
    """24 hexadecimal digits that are in the order of time: 12 of Unix milliseconds, 12 unique."""
    return (at << 48 | _bits(48)).to_bytes(12).hex()
