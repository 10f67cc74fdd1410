"""The gateway's clocks as the chaos suite sets them, by their configuration keys, and the code that
each answers with.
"""

from typing import Final

SHORT: Final = {"connect": 0.3, "first_content": 2.0, "idle": 0.5, "total": 3.0}
"""Seconds, for a provider that will be waited for in vain."""
PATIENT: Final = {"connect": 20.0, "first_content": 20.0, "idle": 20.0, "total": 40.0}
"""Seconds, for a provider that answers, or whose fault is none of time."""

DRIP: Final = 0.07
"""Seconds between the pieces of a slow answer: less than every clock, all of them together more
than one."""

PAUSE: Final = 0.3
"""Seconds between requests that come one after the other: longer than OPEN_FOR."""
OPEN_FOR: Final = 0.1
"""Seconds until what was set aside is probed, where that is tried."""
KEEP_IDLE: Final = 0.2
"""Seconds that the gateway keeps a connection that has served: in earnest it is half a minute."""

CONNECT: Final = "connect_timeout"
FIRST_CONTENT: Final = "first_content_timeout"
IDLE: Final = "idle_timeout"
TOTAL: Final = "total_timeout"

SAFETY: Final = 30.0
"""Seconds after which a case counts as hung: far beyond the sum of its clocks."""
