"""What moderation found, in an answer that was translated."""

from typing import Any

from translators.dialect.inbound import AnswerFacts, Call
from translators.json_codec import loads
from translators.responses.inbound.dialect import read_request

RESULT = {"type": "moderation_result", "model": "omni", "flagged": False}
FACTS = AnswerFacts("id", 1, "m", "p/m", lambda: 1)


def answered(**more: Any) -> Any:
    message = {"role": "assistant", "content": "Hi."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    completion: Any = {"id": "c", "created": 1, "model": "m", "choices": [choice], **more}
    read = read_request({"model": "p", "input": "x"}, Call(size=1))
    return loads(read.write_completion(completion, FACTS))


def test_each_side_is_one_result_and_no_list() -> None:
    listed = {"type": "moderation_results", "model": "omni", "results": [RESULT]}
    failed = {"type": "error", "code": "busy"}
    told = answered(moderation={"input": listed, "output": failed})
    assert told["moderation"] == {"input": RESULT, "output": failed}


def test_without_it_nothing_is_said() -> None:
    assert "moderation" not in answered()
