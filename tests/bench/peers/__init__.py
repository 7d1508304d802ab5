"""Programs that do a part of what the exporter does, each in a virtual environment of its own."""
