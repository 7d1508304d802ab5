"""The REST APIs that have no server of their own."""
