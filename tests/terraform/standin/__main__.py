"""The program that Terraform starts: ``python -m tests.terraform.standin SCHEMA.json``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.terraform.standin.protocol import serve
from tests.terraform.standin.provider import Provider

if __name__ == "__main__":
    serve(Provider(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))).handlers())
