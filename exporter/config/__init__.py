"""systems.yaml: one strict file for the exporter and for Terraform, parsed once into frozen types."""

from exporter.config.fields import schema
from exporter.config.parser import load, parse
from exporter.config.types import Config, Endpoints, ExporterSettings
from exporter.config.values import format_duration, parse_duration

__all__ = ["Config", "Endpoints", "ExporterSettings", "format_duration", "load", "parse", "parse_duration", "schema"]
