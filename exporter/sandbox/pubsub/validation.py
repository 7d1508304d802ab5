"""Names and limits, with the codes and words of the real service (Pub/Sub docs, "Resource names" and "Quotas and limits")."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from exporter.sandbox.pubsub.errors import invalid, invalid_argument
from exporter.sandbox.pubsub.messages import Draft

DELETED_TOPIC = "_deleted-topic_"
"""The topic of a subscription whose topic was deleted."""

MAX_MESSAGES = 1000
MAX_REQUEST_BYTES = 10_000_000
MAX_PAYLOAD_BYTES = 10 * 2**20
MAX_ATTRIBUTES = 100
MAX_KEY_BYTES = 256
MAX_VALUE_BYTES = 1024
MAX_ORDERING_KEY_BYTES = 1024
MAX_ACK_DEADLINE_S = 600
MAX_LABELS = 64

_NAMES = "https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names"
_RESOURCE = re.compile(r"projects/([^/\s]+)/(topics|subscriptions|snapshots)/(?!goog)[A-Za-z][A-Za-z0-9\-._~+%]{2,254}")
_LABEL = r"[\p{Ll}\p{Lo}\p{N}_-]{0,63}"


def check_name(name: str, collection: str) -> str:
    """The project of a resource's full name; ``collection`` is what it must be: topics, subscriptions or snapshots."""
    found = _RESOURCE.fullmatch(name)
    if found is None or found[2] != collection:
        raise invalid(f"Invalid resource name given (name={name}). Refer to {_NAMES} for more information.")
    return found[1]


def check_project(name: str) -> str:
    """The project's id out of ``projects/ID``."""
    found = re.fullmatch(r"projects/([^/\s]+)", name)
    if found is None:
        raise invalid(f"Invalid resource name given (name={name}). Refer to {_NAMES} for more information.")
    return found[1]


def too_large(what: str, value: object, limit: object) -> Exception:
    """A value above its limit, in the service's words."""
    return invalid(
        f"The value for {what} is too large. You passed {value} in the request, but the maximum value is {limit}."
    )


def check_publish(messages: Sequence[Draft], size: int) -> None:
    """Refuse a publish request that breaks a limit; ``size`` is that of its messages in bytes."""
    if not messages:
        raise invalid(
            "The value for message_count is too small. You passed 0 in the request, but the minimum value is 1."
        )
    if len(messages) > MAX_MESSAGES:
        raise too_large("message_count", len(messages), MAX_MESSAGES)
    if size > MAX_PAYLOAD_BYTES:
        raise invalid(f"Request payload size exceeds the limit: {MAX_PAYLOAD_BYTES} bytes.")
    if size > MAX_REQUEST_BYTES:
        raise too_large("request_size", size, MAX_REQUEST_BYTES)
    for message in messages:
        if message.attributes or message.ordering_key:
            _check_attributes(message)
        if not message.data and not message.attributes:
            raise invalid(
                "One or more messages in the publish request is empty. Each message must contain either non-empty data, "
                "or at least one attribute."
            )


def _check_attributes(message: Draft) -> None:
    if len(message.attributes) > MAX_ATTRIBUTES:
        raise too_large("attributes_count", len(message.attributes), MAX_ATTRIBUTES)
    for key, value in message.attributes.items():
        if not key or key.startswith("goog"):
            raise invalid_argument(f"attribute key: {key!r}")
        if len(key.encode()) > MAX_KEY_BYTES:
            raise too_large("attribute_key_size", len(key.encode()), MAX_KEY_BYTES)
        if len(value.encode()) > MAX_VALUE_BYTES:
            raise too_large("attribute_value_size", len(value.encode()), MAX_VALUE_BYTES)
    if len(message.ordering_key.encode()) > MAX_ORDERING_KEY_BYTES:
        raise too_large("ordering_key_size", len(message.ordering_key.encode()), MAX_ORDERING_KEY_BYTES)


def check_ack_deadline(seconds: int, minimum: int = 0) -> None:
    """Refuse an acknowledgement deadline outside ``minimum`` to 600 s."""
    if not minimum <= seconds <= MAX_ACK_DEADLINE_S:
        raise invalid(
            f"Invalid ack deadline given (ack_deadline={seconds}). "
            f"The ack deadline must be between {minimum} and {MAX_ACK_DEADLINE_S} seconds."
        )


def check_span(what: str, given_us: int, low_us: int, high_us: int) -> None:
    """Refuse a duration that is out of its bounds, both inclusive."""
    if not low_us <= given_us <= high_us:
        raise invalid(
            f"The value for {what} is out of bounds. You passed {span(given_us)} in the request, "
            f"but the value must be between {span(low_us)} and {span(high_us)}."
        )


def span(duration_us: int) -> str:
    """A duration as the service writes it: ``9m59s``, ``744h``."""
    if duration_us < 0:
        return f"-{span(-duration_us)}"
    seconds, fraction = divmod(duration_us, 1_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    rest = f"{seconds}.{fraction:06}".rstrip("0") if fraction else str(seconds)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{rest}s" if rest != "0" else ""]
    return "".join(parts) or "0s"


def check_labels(labels: Mapping[str, str]) -> None:
    """Refuse labels that are too many or not made of lower-case letters, digits, ``_`` and ``-``."""
    if len(labels) > MAX_LABELS:
        raise invalid_argument(f"Invalid labels: {len(labels)} labels, at most {MAX_LABELS} are allowed")
    for key, value in labels.items():
        if not key or not _label(key) or unicodedata.category(key[0]) not in ("Ll", "Lo"):
            pattern = r"[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}"
            raise invalid_argument(
                f'Invalid labels: Invalid field "labels"; key "{key}" does not conform to regular expression "{pattern}"'
            )
        if not _label(value):
            raise invalid_argument(
                f'Invalid labels: Invalid field "labels"; value "{value}" does not conform to regular expression "{_LABEL}"'
            )


def _label(text: str) -> bool:
    return len(text) <= 63 and all(
        character in "_-" or unicodedata.category(character) in ("Ll", "Lo", "Nd", "Nl", "No") for character in text
    )
