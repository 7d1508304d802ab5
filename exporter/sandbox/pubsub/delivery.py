"""Delivery to BigQuery: batches that wait and are written, fail and come back, are written twice or get lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from exporter.sandbox.conduct import Conduct, InForce
from exporter.sandbox.ports import SinkState, TableRefused, TableSink
from exporter.sandbox.pubsub.agenda import DELIVER, Agenda
from exporter.sandbox.pubsub.behaviour import Behaviour, Draws
from exporter.sandbox.pubsub.messages import Message
from exporter.sandbox.pubsub.redelivery import Failure, Redelivery
from exporter.sandbox.pubsub.resources import Target, set_state
from exporter.sandbox.pubsub.rows import ColumnsOf, rows_of
from exporter.sandbox.pubsub.subscription import Forward, Subscription

MAX_ROWS = 1000
MAX_BYTES = 9_000_000
"""Limits of one append: the Storage Write API takes 10 MB."""

SUCCESS = ("ack", "success")
ROW_REFUSED = ("invalid", "invalid_argument")
"""``response_code`` as the service documents it for messages that do not fit the table; the class is not documented."""

TABLE_REFUSED: dict[SinkState, tuple[str, str]] = {
    "NOT_FOUND": ("invalid", "not_found"),
    "PERMISSION_DENIED": ("invalid", "permission_denied"),
    "SCHEMA_MISMATCH": ("invalid", "failed_precondition"),
    "IN_TRANSIT_LOCATION_RESTRICTION": ("invalid", "failed_precondition"),
}
"""Neither class nor code is documented for a table that refuses everything; what is: a class other than ``ack`` is an error."""

Probe = Callable[[str], SinkState | None]
"""Why a table, by its full name, refuses every write; None when it does not."""


@dataclass(frozen=True, slots=True)
class Warehouse:
    """BigQuery, seen from Pub/Sub; ``probe`` and ``columns_of`` are optional knowledge about its tables."""

    sink: TableSink
    probe: Probe | None = None
    columns_of: ColumnsOf | None = None
    conduct: InForce = field(default_factory=InForce)


@dataclass(slots=True)
class _Batch:
    closes_us: int
    messages: list[Message] = field(default_factory=list)
    size: int = 0


class BigQueryDelivery:
    """Writes a subscription's messages to its table.

    A batch is open from its first message on for a while, and is committed after a write latency; later batches may overtake it
    unless the subscription is ordered. When the table as a whole refuses, messages are held back and the table is tried again
    after a growing time; the first write that it takes ends that.
    """

    def __init__(
        self,
        subscription: Subscription,
        target: Target,
        agenda: Agenda,
        warehouse: Warehouse,
        seed: int,
        forward: Forward,
    ) -> None:
        self._subscription = subscription
        self._target = target
        self._agenda = agenda
        self._warehouse = warehouse
        self._draws = Draws(seed, subscription.name)
        self._redelivery = Redelivery(subscription, agenda, forward, pushed=True, conduct=warehouse.conduct)
        self._behaviour = Behaviour()
        self._open: _Batch | None = None
        self._last_commit_us = 0
        self._refusing: SinkState | None = None
        self._refusing_since_us = 0
        self._held: list[Message] = []
        self._try_after_us = 0
        self._tries = 0
        self._stopped = False

    def arrive(self, messages: list[Message], at_us: int) -> None:
        """Put messages into the open batch, or hold them back while the table refuses everything."""
        if self._refusing is not None and not self._gives_up:
            self._held.extend(messages)
            return
        if not self._conduct.batches_messages:
            for message in messages:
                self._begin(at_us + self._draws.wait_us(self._behaviour)).messages.append(message)
            return
        size = 0
        for message in messages:
            size += message.size
        batch = self._open
        if (
            batch is None
            or at_us >= batch.closes_us
            or len(batch.messages) + len(messages) > MAX_ROWS
            or batch.size + size > MAX_BYTES
        ):
            batch = self._open = self._begin(at_us + self._draws.wait_us(self._behaviour))
        batch.messages.extend(messages)
        batch.size += size

    @property
    def _conduct(self) -> Conduct:
        return self._warehouse.conduct.now

    @property
    def _gives_up(self) -> bool:
        """Whether what the table refuses as a whole goes to the dead-letter topic."""
        return self._conduct.states_to_dead_letters and self._subscription.settings.dead_letter_topic is not None

    def _begin(self, closes_us: int) -> _Batch:
        batch = _Batch(closes_us)
        commit_us = closes_us + self._draws.write_us(self._behaviour)
        if self._subscription.settings.ordered:
            commit_us = self._last_commit_us = max(commit_us, self._last_commit_us)
        self._agenda.put(commit_us, DELIVER, self._commit, batch)
        return batch

    def behave(self, at_us: int, behaviour: Behaviour) -> None:  # noqa: ARG002 - an event of the agenda
        """Behave differently from now on; batches that are under way keep their times."""
        self._behaviour = behaviour

    def configure(self, at_us: int) -> None:
        """Take over the subscription's changed settings; a table that refused is tried again soon."""
        target = self._subscription.settings.target
        assert target is not None
        self._target = target
        if self._refusing is not None:
            self._schedule_try(at_us, self._behaviour.table_retry_s[0])

    def stop(self) -> None:
        """Deliver nothing any more, not even again."""
        self._stopped = True

    def _commit(self, at_us: int, batch: _Batch) -> None:
        if self._open is batch:
            self._open = None
        waiting = self._waiting(batch.messages, at_us)
        if waiting:
            self._write(waiting, at_us)

    def _waiting(self, messages: list[Message], at_us: int) -> list[Message]:
        """Those of the messages that still wait to be delivered."""
        if self._stopped:
            return []
        self._subscription.expire(at_us)
        backlog = self._subscription.backlog
        return [message for message in messages if message.id in backlog]

    def _write(self, messages: list[Message], at_us: int) -> None:
        """One delivery attempt: write what can be written, acknowledge it, and take back the rest."""
        behaviour, draws = self._behaving(), self._draws
        failures: list[Failure] = []
        lost: list[Message] = []
        if behaviour.refused_ratio:
            failures = [(m, "The table refuses the row.") for m in messages if draws.refused(behaviour, m.id)]
            refused = {message.id for message, _ in failures}
            messages = [message for message in messages if message.id not in refused]
        if behaviour.loss_ratio:
            lost = [message for message in messages if draws.lost(behaviour)]
            vanished = {message.id for message in lost}
            messages = [message for message in messages if message.id not in vanished]
        rewrite_us = draws.rewrite_us(behaviour) if behaviour.duplicate_ratio else None
        if messages:
            try:
                reasons = self._append(messages, at_us, copies=2 if rewrite_us == 0 else 1)
            except TableRefused as refusal:
                everything = [*messages, *lost, *(message for message, _ in failures)]
                self._refuse(refusal.state, len(everything), at_us)
                self._take_back(everything, str(refusal), at_us)
                return
            if reasons:
                failures += [(messages[place], reason) for place, reason in reasons.items()]
                messages = [message for place, message in enumerate(messages) if place not in reasons]
        self._account(messages, lost, failures, at_us)
        if rewrite_us and messages:
            self._agenda.put(at_us + rewrite_us, DELIVER, self._rewrite, messages)

    def _append(self, messages: Sequence[Message], at_us: int, copies: int = 1) -> dict[int, str]:
        """Write the rows of messages in one commit; the reasons why some were refused, by the message's place.

        Raises ``TableRefused`` as the sink does.
        """
        made = rows_of(
            messages,
            self._target,
            self._subscription.name,
            self._warehouse.columns_of,
            self._conduct.write_metadata_columns,
        )
        reasons = dict(made.refused)
        if made.rows:
            errors = self._warehouse.sink.append(self._target.table, made.columns, made.rows * copies, at_us)
            if errors:
                places = [place for place in range(len(messages)) if place not in made.refused]
                reasons |= {places[row]: reason for row, reason in errors.items() if row < len(places)}
            self._accepted(at_us)
        return reasons

    def _account(self, written: list[Message], lost: list[Message], failures: list[Failure], at_us: int) -> None:
        subscription = self._subscription
        if written or lost:
            subscription.attempted(SUCCESS, self._attempts(len(written) + len(lost)), at_us)
        if written:
            subscription.acknowledge(written, at_us)
        if lost:
            subscription.lose(lost, at_us)
        if failures:
            subscription.attempted(ROW_REFUSED, self._attempts(len(failures)), at_us)
            self._redelivery.failed(failures, at_us)

    def _behaving(self) -> Behaviour:
        """The subscription's behaviour, with at least the duplicates of the conduct in force."""
        least = self._conduct.duplicate_ratio
        return (
            self._behaviour
            if self._behaviour.duplicate_ratio >= least
            else replace(self._behaviour, duplicate_ratio=least)
        )

    def _take_back(self, messages: list[Message], reason: str, at_us: int) -> None:
        """What becomes of messages when the table refuses everything: they wait for it, unless the conduct in force says otherwise."""
        if not self._conduct.refused_messages_kept:
            self._subscription.lose(messages, at_us)
        elif self._gives_up:
            self._redelivery.failed([(message, reason) for message in messages], at_us)
        else:
            self._held.extend(messages)

    def _rewrite(self, at_us: int, messages: list[Message]) -> None:
        """Write messages again that are acknowledged already, as at-least-once delivery does."""
        if self._stopped:
            return
        try:
            self._append(messages, at_us)
        except TableRefused as refusal:
            self._refuse(refusal.state, len(messages), at_us)
        else:
            self._subscription.attempted(SUCCESS, self._attempts(len(messages)), at_us)

    def _attempts(self, messages: int) -> int:
        """What a request with so many messages counts."""
        return messages if (self._behaviour.attempt_unit or self._conduct.attempt_unit) == "message" else 1

    def _refuse(self, state: SinkState, messages: int, at_us: int) -> None:
        """The table took nothing of a request: say so in the subscription's state, and see to it that it is tried again."""
        self._subscription.attempted(TABLE_REFUSED[state], self._attempts(messages), at_us)
        if self._refusing is None:
            self._schedule_try(at_us, self._behaviour.table_retry_s[0])
            self._refusing_since_us = at_us
        self._refusing = state
        delay_us = int(self._conduct.state_delay_s * 1_000_000)
        if at_us >= self._refusing_since_us + delay_us:
            self._say(at_us, state)
        else:
            self._agenda.put(self._refusing_since_us + delay_us, DELIVER, self._say, state)

    def _say(self, at_us: int, state: SinkState) -> None:  # noqa: ARG002 - an event of the agenda
        """Say in the subscription's state why the table refuses everything, if it still does."""
        if self._stopped or self._refusing != state:
            return
        conduct = self._conduct
        words = {
            "NOT_FOUND": conduct.state_on_missing_table,
            "PERMISSION_DENIED": conduct.state_on_denied,
            "SCHEMA_MISMATCH": conduct.state_on_mismatch,
        }
        shown = words.get(state, state)
        set_state(self._subscription.resource, None if shown == "ACTIVE" else shown)

    def _schedule_try(self, at_us: int, after_s: float) -> None:
        self._try_after_us = int(after_s * 1_000_000)
        self._tries += 1
        self._agenda.put(at_us + self._try_after_us, DELIVER, self._try_table, self._tries)

    def _try_table(self, at_us: int, attempt: int) -> None:
        """See whether the table takes rows again: with messages that wait, else by asking."""
        if self._stopped or self._refusing is None or attempt != self._tries:
            return
        held = self._waiting(self._held, at_us)
        self._held = held[MAX_ROWS:]
        probe = self._warehouse.probe
        if held:
            self._write(held[:MAX_ROWS], at_us)
        elif probe is not None and probe(self._target.table) is None:
            self._accepted(at_us)
        if self._refusing is not None:
            longest_s = self._behaviour.table_retry_s[1]
            self._schedule_try(at_us, min(2 * self._try_after_us / 1_000_000, longest_s))

    def _accepted(self, at_us: int) -> None:
        """The table took rows: whatever was held back follows."""
        if self._refusing is None:
            return
        self._refusing = None
        if self._conduct.state_recovers:
            set_state(self._subscription.resource, None)
        held, self._held = self._held, []
        for start in range(0, len(held), MAX_ROWS):
            batch = self._begin(at_us)
            batch.messages = held[start : start + MAX_ROWS]
