"""BigQuery: what landed, what was written, what was queried, what is stored; one job per project, location and question."""
