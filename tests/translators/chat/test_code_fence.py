"""Code fences while they come."""

import pytest

from translators.chat.code_fence import Unfenced


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('\n```\n{"a": "``"}\n```\n\n', '{"a": "``"}'),
        ("```JSON [1] ```", "[1]"),
        ('```json\r\n{"a": 1}', '{"a": 1}'),
        ("```json", "```json"),
        ("``` is a fence", "``` is a fence"),
        ("``", "``"),
        ("text ```json\n{}\n```", "text ```json\n{}\n```"),
        ("```json\n{} \n\n [] ``", "{} \n\n [] ``"),
        ("```json" + "\n" * 100 + "{}```", "{}"),
        ("", ""),
    ],
)
def test_fences(size: int, said: str, shown: str) -> None:
    """However it is cut, a fence around everything goes, and nothing else."""
    reader = Unfenced()
    assert (
        "".join(reader.receive(said[i : i + size]) for i in range(0, len(said), size))
        + reader.finish()
        == shown
    )
