"""gateway.config.origins: origins as browsers write them."""

from pathlib import Path

import pytest

from gateway.config.origins import check_origin
from tests.config.samples import POLICY, loaded, replaced


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("https://app.example.com", "https://app.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("HTTPS://App.Example.com:443", "https://app.example.com"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("https://h.example:80", "https://h.example:80"),
        ("http://[::1]:5173", "http://[::1]:5173"),
        ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh"),
        ("tauri://localhost", "tauri://localhost"),
        ("*", "*"),
        ("null", "null"),
    ],
)
def test_what_an_origin_is_compared_as(written: str, expected: str) -> None:
    assert check_origin(written) == expected


@pytest.mark.parametrize(
    "written",
    [
        "",
        "https://",
        "https:/a",
        "//a",
        "https://a b",
        "https://a:",
        "https://a:0",
        "https://a.",
        "https://u@a",
        "https://ä.example",
    ],
)
def test_what_is_none(written: str) -> None:
    with pytest.raises(ValueError, match="must be an origin"):
        check_origin(written)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("[]", ()),
        ("['*']", ("*",)),
        ("['*', 'null']", ("*", "null")),
        (
            "[https://b.example, 'http://localhost:3000']",
            ("https://b.example", "http://localhost:3000"),
        ),
    ],
)
def test_a_list_of_them(tmp_path: Path, written: str, expected: tuple[str, ...]) -> None:
    config = loaded(tmp_path, replaced(POLICY, "body_timeout: 30", f"cors_origins: {written}"))
    assert config.server.cors_origins == expected


def test_there_are_none_unless_said(tmp_path: Path) -> None:
    assert loaded(tmp_path).server.cors_origins == ()
