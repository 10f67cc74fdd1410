"""The end of a listener without a caller lost: the kernel takes no new connection, those that it took are accepted, then it closes.

To close at once would reset the connections that wait to be accepted, with requests in them perhaps.
"""

import asyncio
import ctypes
import os
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

_SO_ATTACH_FILTER: Final = 26
_DROP_ALL: Final = struct.pack("HBBI", 0x06, 0, 0, 0)
"""One instruction of BPF: return 0, take nothing of the packet."""
_ACCEPTING: Final = 0.1
"""Seconds in which the loop accepts what had connected before."""


async def close_to_newcomers(descriptors: Iterable[int]) -> None:
    """After this nothing waits to be accepted. Whoever connects meanwhile tries again by itself, finds nobody listening, and is told so.

    Where there is no such filter (it is Linux's) nothing happens.
    """
    attached = False
    for descriptor in descriptors:
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as listener:
            program = ctypes.create_string_buffer(_DROP_ALL, len(_DROP_ALL))
            listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))
            attached = True
    if attached:
        await asyncio.sleep(_ACCEPTING)
