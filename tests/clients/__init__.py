"""Real clients, each doing a job through a gateway: `python -m tests.clients`."""
