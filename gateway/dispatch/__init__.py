"""One request carried out: attempts, failover, streams."""
