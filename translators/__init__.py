"""A book of grammars: OpenAI Chat Completions (the hub) and the dialects that translate to and from
it.

Values and bytes in, values and bytes out. Nothing in this package does I/O, reads a clock, draws a
random number, logs, reads the environment or keeps global state, so every translation can be tested
byte by byte and used without the gateway.
"""
