"""Lets ``python -m exporter`` do what the command ``exporter`` does."""

from exporter.cli import main

main()
