"""translators.chat.usage: usages are added up field by field."""

from translators.chat.usage import summed


def test_sums() -> None:
    one = {
        "prompt_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 1},
        "service": "x",
        "flag": True,
    }
    assert summed([one, {"prompt_tokens": 1}, one]) == {
        "prompt_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 2},
        "service": "x",
        "flag": True,
    }


def test_what_servers_say_differently() -> None:
    nothing, one = (
        {"prompt_tokens": None, "details": None},
        {"prompt_tokens": 3, "details": {"cached": 1}},
    )
    assert summed([nothing, one]) == one
    assert summed([one, nothing]) == one
    assert summed([{"details": 5}, one, {"details": 5}]) == {"prompt_tokens": 3, "details": 5}
