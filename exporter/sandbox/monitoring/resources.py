"""Monitored resource types: their labels, and where user-defined metrics may be written.

Sources: https://cloud.google.com/monitoring/api/resources and, for what is writable,
https://cloud.google.com/monitoring/custom-metrics/creating-metrics#which-resource.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.api.monitored_resource_pb2 import MonitoredResourceDescriptor

from exporter.sandbox.monitoring import locations
from exporter.sandbox.monitoring.errors import Proto

PROJECT_LABEL = "project_id"

_LABEL_TEXTS = {
    PROJECT_LABEL: "The identifier of the GCP project associated with this resource.",
    "location": "Where the data of the resource is stored.",
    "zone": "The zone of the resource.",
    "region": "The region of the resource.",
    "namespace": "A name that tells fleets of the same name apart.",
    "job": "The group of tasks that the task belongs to.",
    "task_id": "What tells the tasks of a job apart.",
    "node_id": "What tells the nodes of a namespace apart.",
    "topic_id": "The identifier of the topic.",
    "subscription_id": "The identifier of the subscription.",
}


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One monitored resource type; ``place`` is the label that names a location, one of ``places``."""

    name: str
    display_name: str
    labels: tuple[str, ...]
    place: str | None = None
    places: frozenset[str] = frozenset()
    writable: bool = True

    def descriptor(self, project: str) -> Proto:
        """The API's description of the type, as a project sees it."""
        descriptor = MonitoredResourceDescriptor(
            name=f"projects/{project}/monitoredResourceDescriptors/{self.name}",
            type=self.name,
            display_name=self.display_name,
        )
        for key in (PROJECT_LABEL, *self.labels):
            descriptor.labels.add(key=key, description=_LABEL_TEXTS.get(key, ""))
        return descriptor


_TYPES = (
    ResourceType(
        "cloud_run_revision",
        "Cloud Run Revision",
        ("service_name", "revision_name", "location", "configuration_name"),
        "location",
        locations.REGIONS,
        writable=False,
    ),
    ResourceType("dataflow_job", "Dataflow Job", ("job_name", "region"), "region", locations.REGIONS_AND_ZONES),
    ResourceType(
        "gae_instance",
        "GAE Instance",
        ("module_id", "version_id", "instance_id", "location"),
        "location",
        locations.REGIONS_AND_ZONES,
    ),
    ResourceType("gce_instance", "VM Instance", ("instance_id", "zone"), "zone", locations.ZONES),
    ResourceType("generic_node", "Generic Node", ("location", "namespace", "node_id"), "location", locations.ANYWHERE),
    ResourceType(
        "generic_task", "Generic Task", ("location", "namespace", "job", "task_id"), "location", locations.ANYWHERE
    ),
    ResourceType(
        "gke_container",
        "GKE Container",
        ("cluster_name", "namespace_id", "instance_id", "pod_id", "container_name", "zone"),
        "zone",
        locations.REGIONS_AND_ZONES,
    ),
    ResourceType("global", "Global", ()),
    ResourceType(
        "k8s_cluster", "Kubernetes Cluster", ("location", "cluster_name"), "location", locations.REGIONS_AND_ZONES
    ),
    ResourceType(
        "k8s_container",
        "Kubernetes Container",
        ("location", "cluster_name", "namespace_name", "pod_name", "container_name"),
        "location",
        locations.REGIONS_AND_ZONES,
    ),
    ResourceType(
        "k8s_node",
        "Kubernetes Node",
        ("location", "cluster_name", "node_name"),
        "location",
        locations.REGIONS_AND_ZONES,
    ),
    ResourceType(
        "k8s_pod",
        "Kubernetes Pod",
        ("location", "cluster_name", "namespace_name", "pod_name"),
        "location",
        locations.REGIONS_AND_ZONES,
    ),
    ResourceType("pubsub_subscription", "Cloud Pub/Sub Subscription", ("subscription_id",), writable=False),
    ResourceType("pubsub_topic", "Cloud Pub/Sub Topic", ("topic_id",), writable=False),
)

RESOURCE_TYPES: Mapping[str, ResourceType] = {each.name: each for each in _TYPES}
