"""Dashboards and alert policies from one set of templates, for every system, owner and class of a fleet.

``terraform/modules/render`` does the same in Terraform's own language, and a test holds both to the same bytes.
"""
