"""REST APIs of Google Cloud that have no server of their own here: they lie below the control address, ``/API/VERSION/...``."""
