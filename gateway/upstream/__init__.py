"""HTTP out: the one client session, and the guarded fetching of images."""
