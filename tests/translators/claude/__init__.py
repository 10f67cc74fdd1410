"""Tests of the Claude dialect."""
