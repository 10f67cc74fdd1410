"""What the scripts for Python share: scenarios that report a line each, and what they ask."""

import base64
import json
import os
import struct
import sys
import time
import traceback
import zlib

BASE_URL = os.environ["BASE_URL"]
KEY = os.environ["KEY"]
MODEL = os.environ["MODEL"]
ONLY = [name for name in os.environ.get("SCENARIOS", "").split(",") if name]
NOBODY = "nobody-has-this-name"
GREETING = "Grüße \u2028 an 😀"
CALLS = 'Weather and time? [[sim: call get_weather {"city": "Åre"}]] [[sim: call now {}]]'
RESULTS = {"get_weather": "snow", "now": "12:30"}
RATE_LIMIT = "[[sim: error 429 retry-after 7]]"
BROKEN = "[[sim: words 30]] [[sim: stream-error]]"
WORDS = "[[sim: words 30]]"
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}
SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def png():
    """A real image of 8 × 8 pixels."""

    def chunk(kind, data):
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    rows = b"".join(b"\x00" + b"\xff\x00\x00" * 8 for _ in range(8))
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def png_base64():
    return base64.b64encode(png()).decode()


def same(expected, actual):
    if expected != actual:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")


def holds(text, *wanted):
    missing = [word for word in wanted if word not in (text or "")]
    if missing:
        raise AssertionError(f"{missing!r} not in {text!r}")


def raises(kind, function, status=None):
    """The exception, whose class and status must be these."""
    try:
        answered = function()
    except kind as error:
        found = getattr(error, "status_code", None) or getattr(error, "code", None)
        if status is not None:
            same(status, found)
        return error
    raise AssertionError(f"no {kind.__name__}, but {answered!r}")


def _line(error):
    """Where in the client's script it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    script = os.path.abspath(sys.argv[0])
    return next((f.lineno for f in reversed(frames) if os.path.abspath(f.filename) == script), 0)


def breaks(kind, events):
    """The stream ends with this exception, after something of it had come."""
    seen = []

    def read():
        for event in events():
            seen.append(event)

    error = raises(kind, read)
    if not seen:
        raise AssertionError(f"nothing came before {error!r}")


def main():
    for name, function in SCENARIOS.items():
        if ONLY and name not in ONLY:
            continue
        began, problem = time.monotonic(), ""
        try:
            function()
        except Exception as error:  # noqa: BLE001 - whatever a client raises is what is reported
            problem = f"{type(error).__name__} (line {_line(error)}): {error}"[:600]
        seconds = round(time.monotonic() - began, 3)
        line = {"scenario": name, "problem": problem, "seconds": seconds}
        print("@@ " + json.dumps(line), flush=True)
    sys.exit(0)
