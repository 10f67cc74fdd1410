"""Histories that a provider would refuse, mended by one rule for all of them: what is said here is
said to each dialect alike.
"""
