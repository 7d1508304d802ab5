"""The HTTP side of the daemon: health, metrics, and cycles on request; the console's pages will stand on the same frame."""
