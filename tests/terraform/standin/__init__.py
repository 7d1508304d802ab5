"""A stand-in for the google provider: the true argument schemas, and no cloud behind them.

Source of the schemas: PyPI ``cdktn-provider-google`` (20.3.1 for google 7.46.1, 21.1.0 for google 8.7.0; Mozilla Public
License 2.0), which is generated from ``terraform providers schema`` of the genuine provider. ``make programs`` fetches
the archives by their hashes, and ``schemas.py`` keeps an extract of the types in ``resources.py`` beside the virtual
environment's own files: nothing of it is part of this project.

What the schemas hold: each argument's name, type, whether it is required, optional or computed, how blocks nest and
whether there may be more than one, and the values of enumerations. What they lack: ranges, formats, defaults, secrets,
arguments that exclude each other, and which change replaces a resource. ``rules.py`` and ``identities.py`` add those of
the genuine provider's that our modules can break; no other is checked.

Parts: ``bindings.py`` reads the archives, ``protocol.py`` speaks Terraform's plugin protocol, ``provider.py`` answers
it, ``mirror.py`` installs it where ``terraform init`` looks. ``python -m tests.terraform.standin SCHEMA.json`` is the
program that Terraform starts.
"""
