"""Several processes that serve as one gateway: a parent that serves nobody, and workers that share
a port and ask each other through it.
"""
