"""States are sealed with one key, and open with any that is there, only where they belong."""

import pytest

from gateway.cluster.seal import StateKeys

OLD, NEW = ("old-" + "0" * 32, "new-" + "0" * 32)


@pytest.mark.parametrize("value", [b"", b"x", b"text " * 1000])
def test_what_is_sealed_opens_with_the_same_key_and_place(value: bytes) -> None:
    keys = StateKeys((OLD,))
    sealed = keys.seal(value, b"place")
    assert keys.open(sealed, b"place", 10_000) == value
    assert keys.open(sealed, b"another", 10_000) is None
    assert StateKeys((NEW, OLD)).open(sealed, b"place", 10_000) == value
    assert StateKeys((NEW,)).open(sealed, b"place", 10_000) is None


def test_the_first_key_seals() -> None:
    sealed = StateKeys((NEW, OLD)).seal(b"value", b"")
    assert StateKeys((NEW,)).open(sealed, b"", 100) == b"value"
    assert StateKeys((OLD,)).open(sealed, b"", 100) is None


def test_every_changed_byte_is_noticed() -> None:
    keys = StateKeys((OLD,))
    sealed = keys.seal(b"value", b"")
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        assert keys.open(changed, b"", 100) is None
    for length in range(len(sealed)):
        assert keys.open(sealed[:length], b"", 100) is None


def test_the_same_value_is_sealed_differently_each_time() -> None:
    keys = StateKeys((OLD,))
    assert keys.seal(b"value", b"") != keys.seal(b"value", b"")


def test_what_inflates_to_more_than_it_may_does_not_open() -> None:
    keys = StateKeys((OLD,))
    assert keys.open(keys.seal(b"0" * 10_000_000, b""), b"", 1_000_000) is None
