"""gateway.telemetry.messages: standard error that nobody reads holds up nobody."""

import subprocess
import sys
import time

SPEAKER = """
import logging, sys, time
from gateway.telemetry.messages import MessageHandler

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", handlers=[MessageHandler()])
started = time.monotonic()
for number in range(int(sys.argv[1])):
    logging.info("message %d %s", number, "x" * 100)
print(time.monotonic() - started < 5, flush=True)
"""  # noqa: E501


def test_messages_are_written_in_order_before_the_end() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SPEAKER, "300"],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert [text.split(" ")[:3] for text in done.stderr.splitlines()] == [
        ["INFO", "message", str(number)] for number in range(300)
    ]


def test_a_reader_that_stands_still_holds_up_nothing() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SPEAKER, "20000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as speaker:
        assert speaker.stdout is not None
        assert speaker.stdout.readline() == "True\n"
        started = time.monotonic()
        assert speaker.wait(10) == 0
        assert time.monotonic() - started < 5
