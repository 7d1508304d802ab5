"""Questions to Google's APIs, answered with snapshots; the sources know nothing of each other."""
