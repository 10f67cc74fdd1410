"""o200k's count of texts, in this process: what the counting process must say."""

from collections.abc import Sequence

from gateway.accounting.token_counter import windows_of
from gateway.accounting.tokenizer_worker import count


def count_texts(texts: Sequence[str]) -> int:
    total, windows = windows_of(texts)
    counted = seen = 0
    for window in windows:
        seen += len(window)
        counted += count(window)
    return counted * total // max(1, seen)
