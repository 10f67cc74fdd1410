"""python -m gateway, and the command llm-router."""

import gc
import sys

# Nothing made while modules load is garbage: looking for it costs 0.1 s of the start.
# gateway.server.listener turns the collector on again.
gc.disable()

from gateway.cli.main import main  # noqa: E402

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
