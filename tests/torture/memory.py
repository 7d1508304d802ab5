"""How much an exporter remembers: the size of everything that can be reached from it, without the libraries that it uses."""

from __future__ import annotations

import gc
import sys
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any

from exporter.cycle import Exporter

_NOT_DATA = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType, CodeType, FrameType)
_LIBRARIES = ("concurrent", "google", "grpc", "logging", "opentelemetry", "queue", "requests", "threading", "urllib3")


def held_bytes(exporter: Exporter) -> int:
    """Bytes of all data that the exporter holds between its cycles."""
    seen: set[int] = set()
    waiting: list[Any] = [exporter]
    size = 0
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, _NOT_DATA) or type(each).__module__.startswith(_LIBRARIES):
            continue
        seen.add(id(each))
        # A dictionary whose entries come and go keeps room for more of them from time to time, and loses it again.
        size += sys.getsizeof(dict.fromkeys(each) if type(each) is dict else each)
        waiting += gc.get_referents(each)
    return size
