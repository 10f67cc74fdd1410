"""What the real APIs refuse, dialect by dialect, written from their documentation: the judges of
what our translators send. They share no code with `translators/` or the simulator.
"""
