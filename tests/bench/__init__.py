"""`make bench`: what the gateway costs, measured beside a bare aiohttp relay in the same run."""
