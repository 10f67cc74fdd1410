"""The Responses API as callers speak it: their requests read, their answers written."""
