"""``make bench``: whole processes compared with peers and with the floor, growth, and the numbers to reach."""
