"""Questions that only a real account can answer, asked of one: `exporter verify`.

A throwaway pipeline is built, known messages are published, states are provoked, and every fact that the exporter relies on is asked for
and compared (docs/facts.md). Everything is removed at the end.
"""
