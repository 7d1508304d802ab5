"""Processes that are measured from within: one cycle for each line of JSON on standard input."""
