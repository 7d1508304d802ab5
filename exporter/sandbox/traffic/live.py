"""Live traffic: the genuine Pub/Sub client publishes as time passes, over the wire."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass

import grpc
from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud.pubsub_v1 import PublisherClient
from google.cloud.pubsub_v1.types import BatchSettings, PublisherOptions
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from exporter.sandbox.traffic.flights import Flight

TICK_S = 0.25
_RETRY_S = 5.0
"""So long a publish is tried again while faults are injected; the end of the sandbox waits no longer."""

_FLUSH_TIMEOUT_S = 5.0

_PUBLISH_RETRY = Retry(
    predicate=if_exception_type(exceptions.ServiceUnavailable, exceptions.InternalServerError, exceptions.Aborted),
    initial=0.1,
    maximum=1.0,
    timeout=_RETRY_S,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Messages that are due for a topic."""

    topic: str
    messages: Sequence[Flight]


class LiveTraffic:
    """A thread that asks every tick what is due, and sends it; failures are counted and go to the log."""

    def __init__(self, pubsub: str, due: Callable[[], Iterable[Job]]) -> None:
        self._due = due
        self._stop = threading.Event()
        self._failures: Counter[str] = Counter()
        self._outstanding: set[Future[str]] = set()
        transport = PublisherGrpcTransport(channel=grpc.insecure_channel(pubsub))
        self._publisher = PublisherClient(
            batch_settings=BatchSettings(max_latency=0.02),
            publisher_options=PublisherOptions(retry=_PUBLISH_RETRY, timeout=_RETRY_S),
            transport=transport,
        )
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    @property
    def failures(self) -> dict[str, int]:
        """Failed publishes by the class of their error."""
        return dict(self._failures)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Stop sending, and wait for what is under way."""
        self._stop.set()
        self._thread.join()
        self._publisher.stop()
        wait(self._outstanding, _FLUSH_TIMEOUT_S)
        self._publisher.transport.close()

    def _run(self) -> None:
        while not self._stop.wait(TICK_S):
            for job in self._due():
                for message in job.messages:
                    future = self._publisher.publish(job.topic, message.data, **message.attributes)
                    self._outstanding.add(future)
                    future.add_done_callback(self._published)

    def _published(self, future: Future[str]) -> None:
        self._outstanding.discard(future)
        error = future.exception()
        if error is not None:
            self._failed("publish", error)

    def _failed(self, what: str, error: BaseException) -> None:
        self._failures[f"{what}: {type(error).__name__}"] += 1
        log.info("%s failed: %s", what, error)
