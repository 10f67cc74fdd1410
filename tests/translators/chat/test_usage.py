"""translators.chat.usage: usages are added up field by field."""

from translators.chat.usage import summed


def test_sums() -> None:
    one = {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}, "service": "x", "flag": True}
    assert summed([one, {"prompt_tokens": 1}, one]) == {
        "prompt_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 2},
        "service": "x",
        "flag": True,
    }
