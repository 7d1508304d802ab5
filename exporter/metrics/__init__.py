"""From snapshots to points: pure functions, a module per family, and the catalogue of every metric."""
