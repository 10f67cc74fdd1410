"""Whether a connection failed because this process, or the machine, may open no more files: that is
no provider's failure.
"""

import errno
import os
import socket
from typing import Final

LACKING: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What the kernel says when it gives no more."""


def are_lacking(error: OSError) -> bool:
    """Whether `error`, of an attempt to connect, comes of there being no descriptor left. A
    resolver does not say so: it is tried out.
    """
    if not isinstance(error, socket.gaierror):
        return error.errno in LACKING
    try:
        os.close(os.dup(0))
    except OSError as lack:
        return lack.errno in LACKING
    return False
