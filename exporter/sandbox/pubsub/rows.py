"""The rows that a BigQuery subscription makes of messages (Pub/Sub docs, "BigQuery subscriptions")."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from exporter.sandbox.conduct import METADATA
from exporter.sandbox.ports import Row
from exporter.sandbox.pubsub.messages import Message
from exporter.sandbox.pubsub.resources import Target

DATA_COLUMN = "data"

ColumnsOf = Callable[[str], Collection[str] | None]
"""The names of a table's columns by its full name, where they are known."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of equal shape; ``refused`` are messages of which no row can be made, by their place, with the reason."""

    columns: Sequence[str]
    rows: list[Row]
    refused: dict[int, str]


def rows_of(
    messages: Sequence[Message],
    target: Target,
    subscription: str,
    columns_of: ColumnsOf | None,
    metadata: Sequence[str] = METADATA,
) -> Rows:
    """The rows to write for messages, one for each that is not refused, in their order; ``metadata`` is what write_metadata adds."""
    if target.use_table_schema:
        return _fields(messages, target, subscription, columns_of, metadata)
    if not target.write_metadata:
        return Rows((DATA_COLUMN,), [(message.data,) for message in messages], {})
    rows: list[Row] = [
        (message.data, subscription, message.id, message.publish_us, message.attributes_json()) for message in messages
    ]
    if len(metadata) < len(METADATA):
        places = [0, *(1 + METADATA.index(name) for name in metadata)]
        rows = [tuple(row[place] for place in places) for row in rows]
    return Rows((DATA_COLUMN, *metadata), rows, {})


def _fields(
    messages: Sequence[Message],
    target: Target,
    subscription: str,
    columns_of: ColumnsOf | None,
    wanted: Sequence[str],
) -> Rows:
    """Rows of the fields of JSON messages; fields that the table lacks are dropped or refuse the message."""
    known = columns_of(target.table) if columns_of is not None else None
    metadata = tuple(wanted) if target.write_metadata else ()
    parsed: list[tuple[Message, dict[str, object]]] = []
    refused = {}
    for place, message in enumerate(messages):
        fields = _json_object(message.data)
        if fields is None:
            refused[place] = "The message is not a JSON object."
            continue
        unknown = [] if known is None else [name for name in fields if name not in known]
        if unknown and not target.drop_unknown_fields:
            refused[place] = f"The table has no column for the field {unknown[0]}."
            continue
        parsed.append((message, {name: value for name, value in fields.items() if name not in unknown}))
    names = sorted({name for _, fields in parsed for name in fields}.difference(metadata))
    rows: list[Row] = []
    for message, fields in parsed:
        row = tuple(fields.get(name) for name in names)
        if metadata:
            known_of = dict(
                zip(METADATA, (subscription, message.id, message.publish_us, message.attributes_json()), strict=True)
            )
            row += tuple(known_of[name] for name in metadata)
        rows.append(row)
    return Rows((*names, *metadata), rows, refused)


def _json_object(data: bytes) -> dict[str, object] | None:
    try:
        value = json.loads(data)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
