"""Pure decisions: what a request needs, which targets can give it, in which order they are tried,
and why.

Nothing here does I/O or reads a clock; the configuration and the health of things come in as
arguments.
"""
