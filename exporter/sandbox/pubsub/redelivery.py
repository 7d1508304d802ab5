"""What happens to messages whose delivery failed: again at once, again later, or off to the dead-letter topic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from exporter.sandbox.conduct import InForce
from exporter.sandbox.pubsub.agenda import DELIVER, Agenda
from exporter.sandbox.pubsub.messages import Message
from exporter.sandbox.pubsub.subscription import Forward, Subscription

PUSH_BACKOFF_US = (100_000, 60_000_000)
"""Range of the back-off of pushed messages without retry policy (Pub/Sub docs, "Push backoff": 100 ms to 60 s)."""

Failure = tuple[Message, str | None]
"""A message that was not delivered, and why, where that is known."""


class Redelivery:
    """Counts the failed deliveries of a subscription's messages and decides what comes next.

    ``pushed`` messages, those of a BigQuery subscription, come back at once where there is a dead-letter policy, else after the
    retry policy's back-off, else after push back-off. Pulled ones come back after the retry policy's back-off, else at once.
    """

    def __init__(
        self,
        subscription: Subscription,
        agenda: Agenda,
        forward: Forward,
        *,
        pushed: bool,
        conduct: InForce | None = None,
    ) -> None:
        self._conduct = conduct or InForce()
        self._subscription = subscription
        self._agenda = agenda
        self._forward = forward
        self._pushed = pushed

    def failed(self, failures: Sequence[Failure], at_us: int) -> None:
        """Take messages whose delivery has just failed."""
        subscription = self._subscription
        again: defaultdict[int, list[Message]] = defaultdict(list)
        for message, reason in failures:
            attempts = subscription.attempts.get(message.id, 0) + 1
            subscription.attempts[message.id] = attempts
            if self._exhausted(attempts) and self._forward(subscription, message, reason, at_us):
                subscription.dead_letter(message, at_us)
            else:
                again[self._backoff_us(attempts)].append(message)
        for delay_us, messages in again.items():
            self._agenda.put(at_us + delay_us, DELIVER, self._again, messages)

    def _exhausted(self, attempts: int) -> bool:
        settings = self._subscription.settings
        late = 0 if self._conduct.now.dead_letter_attempts_exact else 1
        return settings.dead_letter_topic is not None and attempts >= settings.max_delivery_attempts + late

    def _backoff_us(self, attempts: int) -> int:
        settings = self._subscription.settings
        at_once = settings.dead_letter_topic is not None and not self._conduct.now.dead_letter_backoff
        if self._pushed and at_once and not self._exhausted(attempts):
            return 0
        if settings.minimum_backoff_us is not None:
            low, high = settings.minimum_backoff_us, settings.maximum_backoff_us
        elif self._pushed:
            low, high = PUSH_BACKOFF_US
        else:
            return 0
        return min(low << min(attempts - 1, 32), high)

    def _again(self, at_us: int, messages: list[Message]) -> None:
        self._subscription.expire(at_us)
        waiting = [message for message in messages if message.id in self._subscription.backlog]
        if waiting:
            self._subscription.delivery.arrive(waiting, at_us)
