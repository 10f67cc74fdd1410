"""python -m tests.translators.responses.regenerate: write anew what the golden cases expect. Review the difference, it is the test."""

from tests.translators.responses.golden import REQUESTS, RESPONSES, read, request_result, response_result, write


def main() -> None:
    for paths, result in ((REQUESTS, request_result), (RESPONSES, response_result)):
        for path in paths:
            case = read(path)
            write(path, {**case, "expected": result(case)})


if __name__ == "__main__":
    main()
