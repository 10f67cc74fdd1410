"""`make soak`: tens of thousands of mixed requests, and whether memory, tasks and sockets are where
they were.
"""
