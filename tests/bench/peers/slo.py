"""slo-generator on the same fleet: one SLO per system, exported to Cloud Monitoring."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.bench.candidates import Sample
from tests.bench.processes import run
from tests.bench.sandbox import Sandbox

_PROGRAM = Path(__file__).with_name("slo_generator_at.py")


def configure(sandbox: Sandbox, directory: Path) -> None:
    """Write what its users would: delivered attempts among all of the last hour, from Pub/Sub's metrics, against our errors objective."""
    slos = directory / "slos"
    slos.mkdir()
    for system in sandbox.systems():
        subscription = system["subscription"]
        valid = (
            'metric.type = "pubsub.googleapis.com/subscription/push_request_count" '
            f'AND resource.labels.subscription_id = "{subscription}"'
        )
        slo = {
            "apiVersion": "sre.google.com/v2",
            "kind": "ServiceLevelObjective",
            "metadata": {
                "name": system["id"],
                "labels": {"service_name": "flights", "feature_name": system["id"], "slo_name": "delivery"},
            },
            "spec": {
                "description": "delivered to BigQuery",
                "backend": "cloud_monitoring",
                "method": "good_bad_ratio",
                "exporters": ["cloud_monitoring"],
                "service_level_indicator": {
                    "filter_good": f'{valid} AND metric.labels.response_class = "ack"',
                    "filter_valid": valid,
                },
                "goal": 0.999,
            },
        }
        (slos / f"{system['id']}.yaml").write_text(yaml.safe_dump(slo), encoding="utf-8")
    step = {"name": "1 hour", "window": 3600, "burn_rate_threshold": 14.4, "alert": True}
    config = {
        "backends": {"cloud_monitoring": {"project_id": sandbox.project}},
        "exporters": {"cloud_monitoring": {"project_id": sandbox.project}},
        "error_budget_policies": {"default": {"steps": [{**step, "message_alert": "page", "message_ok": "ok"}]}},
    }
    (directory / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")


def compute(python: Path, sandbox: Sandbox, directory: Path, log: Path) -> Sample:
    """Compute and export all SLOs in one process; raises ``RuntimeError`` unless each of them was exported."""
    before = sandbox.used()
    arguments = ["compute", "-f", str(directory / "slos"), "-c", str(directory / "config.yaml"), "-e"]
    arguments += ["-t", str(sandbox.now().timestamp())]
    taken = run([python, _PROGRAM, sandbox.monitoring, *arguments], {}, log)
    used = sandbox.used() - before
    if used.points < len(sandbox.systems()):
        raise RuntimeError(f"slo-generator exported {used.points:.0f} points:\n{log.read_text()[-2000:]}")
    return Sample(taken, used)
