"""Every way a provider can fail, on real sockets, and what the caller must see of it."""
