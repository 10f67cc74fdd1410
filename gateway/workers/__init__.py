"""Several processes that serve as one gateway: a parent that answers no request, and workers that
share a port and ask each other through it.
"""
