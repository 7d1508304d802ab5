"""What holds for all tests."""

from __future__ import annotations

import signal

# Shells start background jobs deaf to Ctrl-C, and what tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
