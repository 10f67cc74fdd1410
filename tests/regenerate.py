"""python -m tests.regenerate: write anew what all golden cases expect, and the parameter matrix.
Review the difference: it is the test.
"""

from types import ModuleType
from typing import Final

from tests import matrix
from tests.translators import field_cases
from tests.translators.claude import golden as claude
from tests.translators.claude.inbound import golden as messages
from tests.translators.embeddings import golden as embeddings
from tests.translators.gemini import golden as gemini
from tests.translators.gemini.inbound import golden as gemini_inbound
from tests.translators.inbound_pairs import answers as inbound_answers
from tests.translators.inbound_pairs import golden as inbound_pairs
from tests.translators.responses import golden as responses
from tests.translators.responses.inbound import golden as responses_inbound

GOLDEN: Final[tuple[ModuleType, ...]] = (claude, embeddings, gemini, gemini_inbound, responses)


def main() -> None:
    for golden in GOLDEN:
        for paths, result in (
            (golden.REQUESTS, golden.request_result),
            (golden.RESPONSES, golden.response_result),
        ):
            for path in paths:
                case = golden.read(path)
                golden.write(path, {**case, "expected": result(case)})
    messages.write()
    responses_inbound.regenerate()
    inbound_pairs.write()
    inbound_answers.write()
    field_cases.write()
    matrix.write()


if __name__ == "__main__":
    main()
