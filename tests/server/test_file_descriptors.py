"""gateway.server.file_descriptors: a low limit is raised as far as it may be, and told if that is
not far.
"""

import subprocess
import sys

import pytest

PROGRAM = """
import logging, resource, sys
from gateway.server.file_descriptors import raise_limit

logging.basicConfig(format="%(message)s")
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
raise_limit()
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "raised", "told"),
    [(256, 256, 256, True), (200, 1024, 1024, True), (256, 5000, 5000, False)],
)
def test_a_low_limit(soft: int, hard: int, raised: int, told: bool) -> None:
    command = [sys.executable, "-c", PROGRAM, str(soft), str(hard)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    assert (int(done.stdout), "ulimit -n" in done.stderr) == (raised, told)
