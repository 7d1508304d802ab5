"""Live traffic: the genuine Pub/Sub and BigQuery clients publish and read as time passes, over the wire."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import grpc
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.pubsub_v1 import PublisherClient
from google.cloud.pubsub_v1.types import BatchSettings
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from exporter.sandbox.traffic.flights import Flight

TICK_S = 0.25
_READ_TIMEOUT_S = 30.0
_READERS = 2
_FLUSH_TIMEOUT_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """What is due for one pipeline: messages for a topic, and views to read (``location`` is the view's)."""

    topic: str
    messages: Sequence[Flight]
    view: str
    location: str
    reads: int
    answered: Callable[[int, float], None]


class LiveTraffic:
    """A thread that asks every tick what is due, and sends it; failures are counted and go to the log."""

    def __init__(self, pubsub: str, bigquery_url: str, project: str, due: Callable[[], Iterable[Job]]) -> None:
        self._due = due
        self._stop = threading.Event()
        self._failures: Counter[str] = Counter()
        self._outstanding: set[Future[str]] = set()
        transport = PublisherGrpcTransport(channel=grpc.insecure_channel(pubsub))
        self._publisher = PublisherClient(batch_settings=BatchSettings(max_latency=0.02), transport=transport)
        options = ClientOptions(api_endpoint=bigquery_url)
        self._bigquery = bigquery.Client(project=project, credentials=AnonymousCredentials(), client_options=options)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="reader")
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    @property
    def failures(self) -> dict[str, int]:
        """Failed publishes and reads by the class of their error."""
        return dict(self._failures)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Stop sending, and wait for what is under way."""
        self._stop.set()
        self._thread.join()
        self._readers.shutdown(cancel_futures=True)
        self._publisher.stop()
        wait(self._outstanding, _FLUSH_TIMEOUT_S)
        self._publisher.transport.close()
        self._bigquery.close()

    def _run(self) -> None:
        while not self._stop.wait(TICK_S):
            for job in self._due():
                for message in job.messages:
                    future = self._publisher.publish(job.topic, message.data, **message.attributes)
                    self._outstanding.add(future)
                    future.add_done_callback(self._published)
                for _ in range(job.reads):
                    self._readers.submit(self._read, job)

    def _published(self, future: Future[str]) -> None:
        self._outstanding.discard(future)
        error = future.exception()
        if error is not None:
            self._failed("publish", error)

    def _read(self, job: Job) -> None:
        sql = f"SELECT * FROM `{job.view}` LIMIT 20"  # noqa: S608 - the sandbox's own view
        try:
            rows = self._bigquery.query_and_wait(sql, location=job.location, wait_timeout=_READ_TIMEOUT_S)
            list(rows)
        except exceptions.GoogleAPICallError as error:
            self._failed("read", error)
            job.answered(500, 100.0)
        else:
            job.answered(200, 250.0)

    def _failed(self, what: str, error: BaseException) -> None:
        self._failures[f"{what}: {type(error).__name__}"] += 1
        log.info("%s failed: %s", what, error)
