"""The sandbox's BigQuery with a client of it, and what statements and answers look like."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from exporter.circuits import Circuits
from exporter.model import TableRef
from exporter.sandbox.bigquery import BigQuery, Server
from exporter.sandbox.clock import Clock
from exporter.sandbox.faults import Faults
from exporter.sandbox.iam import Iam
from exporter.sources.bigquery.runner import Answer, Runner, Statement
from tests.sources.apis import bigquery_client

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
MIB = 2**20
LARGE, SMALL = TableRef("acme", "raw", "large"), TableRef("acme", "raw", "small")


class Standing:
    """A world in which nothing happens by itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def settle(self) -> int:
        return self._clock.now_us()


class Local:
    """The sandbox's BigQuery, and a client of it."""

    def __init__(self) -> None:
        self.clock, self.faults = Clock(NOW, speed=0), Faults()
        self.engine = BigQuery(self.clock, self.faults, Iam())
        self.engine.create_dataset("acme", "raw", "US", created_us=self.clock.now_us() - 86_400_000_000)
        for table in (LARGE, SMALL):
            self.engine.create_table(table, [{"name": "data", "type": "BYTES"}])
        self.counted: Counter[tuple[str, str]] = Counter()
        self.server = self.serve(0)
        self.client = bigquery_client(self.server.url)

    def serve(self, port: int) -> Server:
        server = Server(self.engine, Standing(self.clock), port=port)
        server.start()
        return server

    def on_call(self, _: str, method: str, code: str) -> None:
        self.counted[method, code] += 1

    def runner(self, timeout_s: float = 15.0, circuits: Circuits | None = None) -> Runner:
        return Runner(self.client, self.on_call, timeout_s, circuits=circuits)

    def seen(self, method: str) -> int:
        """Calls of a method that arrived."""
        return sum(number for (_, name, _), number in self.faults.calls().items() if name == method)

    def close(self) -> None:
        self.client.close()
        self.server.stop()
        self.engine.close()


def statement(text: str = "SELECT 1 AS one", tables: int = 1) -> Statement:
    return Statement(text, [], "landing", tables, 1024 * MIB)


def ask(runner: Runner, project: str = "acme") -> Answer:
    return runner.run(statement(), project, "US")


RESULT = {
    "jobComplete": True,
    "jobReference": {"projectId": "acme", "location": "US", "jobId": "j"},
    "schema": {"fields": [{"name": "one", "type": "INTEGER"}]},
    "totalRows": "1",
    "rows": [{"f": [{"v": "1"}]}],
    "totalBytesProcessed": "0",
}
