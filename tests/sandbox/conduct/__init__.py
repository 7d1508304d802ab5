"""Every field of ``Conduct``, over the wire: what it is by default, and what changing it changes."""
