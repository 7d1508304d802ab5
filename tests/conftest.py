"""What holds for all tests."""

from __future__ import annotations

import signal

from hypothesis import settings

# Shells start background jobs deaf to Ctrl-C, and what tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more about the machine than about the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
