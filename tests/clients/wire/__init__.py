"""The four dialects of providers, as a scripted model reads and writes them: values in, bytes out.

Each module has `read`, `refusal`, `answer` and `error`, and none of the code that they judge.
"""
