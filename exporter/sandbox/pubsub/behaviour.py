"""How a BigQuery subscription behaves: its speed, and what goes wrong with it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Speed and faults of one BigQuery subscription, in force from a moment on.

    A batch stays open for ``batch_wait_s`` (uniform between the two), then its write takes a log-normal time: with the defaults
    publish to commit has a median of about 2 s and 99 % under 10 s. ``latency_scale`` stretches the write, ``extra_latency_s``
    comes on top. ``duplicate_ratio`` is the share of batches written twice: most in a later commit, the rest in the same.
    ``loss_ratio`` is the share of messages acknowledged but never written. ``refused_ratio`` is the share of messages that the
    table refuses at every attempt, whatever they hold. ``attempt_unit`` is what ``push_request_count`` counts: an ok request for the
    accepted rows of a batch and a failed one for its refused rows, or each of its messages; None is as the conduct in force says.
    While the table refuses everything it is tried again after ``table_retry_s[0]``, then after twice as long each time, up to
    ``table_retry_s[1]``.
    """

    latency_scale: float = 1.0
    extra_latency_s: float = 0.0
    duplicate_ratio: float = 0.0
    loss_ratio: float = 0.0
    refused_ratio: float = 0.0
    batch_wait_s: tuple[float, float] = (0.3, 2.0)
    write_median_s: float = 0.8
    write_sigma: float = 0.9
    rewrite_delay_s: tuple[float, float] = (3.0, 300.0)
    same_commit_ratio: float = 0.2
    table_retry_s: tuple[float, float] = (10.0, 300.0)
    attempt_unit: Literal["request", "message"] | None = None

    def __post_init__(self) -> None:
        for name in ("duplicate_ratio", "loss_ratio", "refused_ratio", "same_commit_ratio"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, not {getattr(self, name)}")
        for name in ("latency_scale", "extra_latency_s", "write_sigma"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        if self.write_median_s <= 0:
            raise ValueError(f"write_median_s must be positive, not {self.write_median_s}")
        for name in ("batch_wait_s", "rewrite_delay_s", "table_retry_s"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} must be two positive numbers, the smaller one first, not {(low, high)}")


class Draws:
    """The random draws of one subscription, each kind from a stream of its own, so that no fault shifts another number."""

    __slots__ = ("_duplicate", "_key", "_loss", "_wait", "_write")

    def __init__(self, seed: int, subscription: str) -> None:
        self._key = f"{seed}|{subscription}"
        self._wait, self._write, self._duplicate, self._loss = (
            random.Random(f"{self._key}|{stream}")  # noqa: S311 - a simulation, not a secret
            for stream in ("wait", "write", "duplicate", "loss")
        )

    def wait_us(self, behaviour: Behaviour) -> int:
        """How long a batch stays open, in microseconds."""
        low, high = behaviour.batch_wait_s
        return int((low + (high - low) * self._wait.random()) * 1_000_000)

    def write_us(self, behaviour: Behaviour) -> int:
        """How long a write takes, in microseconds."""
        seconds = behaviour.write_median_s * math.exp(behaviour.write_sigma * self._write.gauss(0.0, 1.0))
        return int((seconds * behaviour.latency_scale + behaviour.extra_latency_s) * 1_000_000)

    def lost(self, behaviour: Behaviour) -> bool:
        """Whether a message is acknowledged without being written."""
        return self._loss.random() < behaviour.loss_ratio

    def rewrite_us(self, behaviour: Behaviour) -> int | None:
        """After how many microseconds a batch is written again: 0 in the same commit, None never."""
        if self._duplicate.random() >= behaviour.duplicate_ratio:
            return None
        if self._duplicate.random() < behaviour.same_commit_ratio:
            return 0
        low, high = behaviour.rewrite_delay_s
        return int(low * (high / low) ** self._duplicate.random() * 1_000_000)

    def refused(self, behaviour: Behaviour, message_id: str) -> bool:
        """Whether the table refuses a message: the same answer at every attempt."""
        digest = blake2b(f"{self._key}|{message_id}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) < behaviour.refused_ratio * 2**64
