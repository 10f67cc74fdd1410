"""gateway.telemetry.request_log: several processes write to one pipe, and no line stands inside
another.
"""

import os
import subprocess
import sys
import tempfile

from translators.json_codec import loads

WRITER = """
import asyncio, sys
from gateway.telemetry.request_log import RequestLog
from tests.telemetry.test_events_and_logs import ENDED

async def main():
    log = RequestLog(lock=int(sys.argv[1]))
    for _ in range(3):
        for i in range(300):
            log.on_event(ENDED._replace(request_id=f"{i}-" + "x" * 3000))
        await asyncio.sleep(0.15)
    log.close()

asyncio.run(main())
"""


def test_lines_of_several_processes_stay_whole() -> None:
    """The pipe is full most of the time: each batch takes several writes."""
    theirs, ours = os.pipe()
    with tempfile.TemporaryFile() as lock, open(theirs, "rb") as pipe:
        command = [sys.executable, "-c", WRITER, str(lock.fileno())]
        writers = [
            subprocess.Popen(command, stdout=ours, pass_fds=[lock.fileno()]) for _ in range(3)
        ]
        os.close(ours)
        lines = pipe.readlines()
        assert [writer.wait(20) for writer in writers] == [0, 0, 0]
    assert len(lines) == 2700
    assert {loads(line)["event"] for line in lines} == {"request"}
