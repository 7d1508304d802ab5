"""What each kind of SQL statement does: queries, INSERT, and the DDL for datasets, tables and views."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from exporter.model import TableRef
from exporter.sandbox.bigquery import defaults
from exporter.sandbox.bigquery.casts import coerce
from exporter.sandbox.bigquery.constructors import data_type
from exporter.sandbox.bigquery.errors import ApiError, invalid_query
from exporter.sandbox.bigquery.execution import Lookup, Plan, is_query
from exporter.sandbox.bigquery.history import appends
from exporter.sandbox.bigquery.jobs import Job, Request, Result
from exporter.sandbox.bigquery.loading import may_write
from exporter.sandbox.bigquery.parameters import parse_parameters
from exporter.sandbox.bigquery.scope import Value
from exporter.sandbox.bigquery.storage import INSERT
from exporter.sandbox.bigquery.syntax import Source, understood
from exporter.sandbox.bigquery.tables import names_of
from exporter.sandbox.bigquery.translation import Context, Translation, storable
from exporter.sandbox.bigquery.types import Column

if TYPE_CHECKING:
    from exporter.sandbox.bigquery.engine import BigQuery


def describe(engine: BigQuery, job: Job) -> Plan | None:
    """Fill in what a dry run tells; raises ``ApiError``. None for a statement that is no query."""
    request = _request(job)
    if not is_query(request.query):
        return _described(engine, job, request)
    job.statement_type = "SELECT"
    plan = engine.execution.analyse(job.project, request, job.started_us)
    job.location = plan.location
    job.referenced = [*plan.referenced]
    job.bytes_processed = plan.processed
    job.result = Result(plan.translation.columns, ())
    return plan


def _request(job: Job) -> Request:
    assert job.request is not None
    return job.request


def run(engine: BigQuery, job: Job) -> None:
    """Carry out a job's statement; raises ``ApiError``. A job over a table that hangs is left running."""
    request = _request(job)
    plan = describe(engine, job)
    if plan is None:
        with understood(Source(request.query)):
            _other(engine, job, request)
        return
    job.result = None
    _cap(request, plan)
    if engine.hangs(plan.referenced):
        job.hung = True
        return
    result = engine.execution.run(job, plan)
    _charge(job, plan, cached_billed=engine.conduct.now.cache_hit_billed)
    job.shows_tables = not job.cache_hit or engine.conduct.now.cache_hit_has_tables
    job.result = result
    if request.destination is not None:
        _write(engine, request.destination, request.write_disposition, result.columns, plan)
    job.destination = request.destination


def _cap(request: Request, plan: Plan) -> None:
    cap = request.maximum_bytes_billed
    if cap is not None and plan.billed > cap:
        raise ApiError(
            400,
            "bytesBilledLimitExceeded",
            f"Query exceeded limit for bytes billed: {cap}. {plan.billed} or higher required.",
        )


def _charge(job: Job, plan: Plan, *, cached_billed: bool = False) -> None:
    job.bytes_processed = 0 if job.cache_hit else plan.processed
    job.bytes_billed = 0 if job.cache_hit and not cached_billed else plan.billed
    job.slot_ms = 0 if job.cache_hit else plan.slot_ms


def _write(engine: BigQuery, ref: TableRef, disposition: str, columns: Sequence[Column], plan: Plan) -> int:
    """Put a query's rows into a table and return their number."""
    have = engine.catalog.find(ref)
    if have is not None and disposition == "WRITE_TRUNCATE":
        engine.delete_table(ref)
        have = None
    if have is None:
        engine.create_table(ref, columns)
    elif disposition == "WRITE_EMPTY" and engine.table(ref).contents.rows:
        raise ApiError(409, "duplicate", f"Already Exists: Table {ref.project}:{ref.dataset}.{ref.table}")
    rows = engine.execution.select(plan, storable(plan.translation, [item.type for item in columns]))
    engine.insert(ref, [item.name for item in columns], rows, INSERT)
    return len(rows)


# Statements that are no queries


def _tree(engine: BigQuery, request: Request) -> exp.Expr:
    trees = engine.translations.statements(request.query)
    if len(trees) > 1:
        raise invalid_query("Multi-statement queries are not supported by this BigQuery")
    return trees[0]


def _described(engine: BigQuery, job: Job, request: Request) -> Plan | None:
    tree = _tree(engine, request)
    kind = str(tree.args.get("kind") or "").upper()
    as_query = "_AS_SELECT" if kind == "TABLE" and tree.args.get("expression") else ""
    names = {exp.Insert: "INSERT", exp.Create: f"CREATE_{kind}{as_query}", exp.Drop: f"DROP_{kind}"}
    job.statement_type = names.get(type(tree))
    if job.statement_type is None:
        raise Source(request.query).fail(f"Statement not supported: {type(tree).__name__}Statement", tree)
    return None


def _other(engine: BigQuery, job: Job, request: Request) -> None:
    tree = _tree(engine, request)
    kind = str(tree.args.get("kind") or "").upper()
    if isinstance(tree, exp.Insert):
        _insert(engine, job, request, tree)
    elif isinstance(tree, exp.Create) and kind in ("TABLE", "VIEW", "SCHEMA"):
        _create(engine, job, request, tree, kind)
    elif isinstance(tree, exp.Drop) and kind in ("TABLE", "VIEW", "SCHEMA"):
        _drop(engine, job, request, tree, kind)
    else:
        raise Source(request.query).fail(f"Statement not supported: {type(tree).__name__}Statement", tree)


def _target(job: Job, request: Request, node: exp.Expr) -> TableRef:
    names = names_of(node)
    if len(names) == 1 and request.default_dataset is not None:
        return TableRef(*request.default_dataset, names[0])
    if len(names) == 2:
        return TableRef(job.project, *names)
    if len(names) != 3:
        raise invalid_query(f'Table "{".".join(names)}" must be qualified with a dataset (e.g. dataset.table).')
    return TableRef(*names)


def _translate(engine: BigQuery, job: Job, request: Request, node: exp.Expr, location: str) -> tuple[Translation, Plan]:
    parameters = parse_parameters(request.parameters)
    kinds = tuple(sorted((item.name, item.type) for item in parameters))
    context = Context(job.project, request.default_dataset, location, kinds, appends(engine.conduct.now))
    translation = engine.translations.tree(node, request.query, context, Lookup(engine.catalog, location))
    return translation, engine.execution.plan(job.project, request, translation, parameters, job.started_us)


def _insert(engine: BigQuery, job: Job, request: Request, tree: exp.Insert) -> None:
    schema = tree.this
    node = schema.this if isinstance(schema, exp.Schema) else schema
    ref = _target(job, request, node)
    may_write(engine, ref)
    table = engine.table(ref)
    job.location = engine.catalog.dataset(ref.project, ref.dataset).location
    named = [item.name for item in schema.expressions] if isinstance(schema, exp.Schema) else []
    by_name = {item.name.lower(): item for item in table.columns}
    unknown = [name for name in named if name.lower() not in by_name]
    if unknown:
        raise Source(request.query).fail(f"Column {unknown[0]} is not present in table {ref}", schema)
    targets = [by_name[name.lower()] for name in named] or list(table.columns)
    values = tree.args["expression"]
    literal = isinstance(values, exp.Values)
    query = _values_query(values) if literal else values
    translation, plan = _translate(engine, job, request, query, job.location)
    _match(translation, targets, ref, literal=literal)
    missing = [
        item.name for item in table.columns if item.mode == "REQUIRED" and item.default is None and item not in targets
    ]
    if missing:
        raise invalid_query(f"Required field {missing[0]} cannot be null")
    rows = engine.execution.select(plan, storable(translation, [item.type for item in targets]), job)
    names, complete = defaults.filled(engine, table, [item.name for item in targets], rows, job.started_us)
    engine.insert(ref, names, complete, INSERT)
    job.referenced = [*plan.referenced, ref] if ref not in plan.referenced else plan.referenced
    job.affected_rows = len(rows)
    _charge(job, plan)


def _values_query(values: exp.Expr) -> exp.Expr:
    selects = [exp.Select(expressions=item.expressions) for item in values.expressions]
    query: exp.Expr = selects[0]
    for select in selects[1:]:
        query = exp.Union(this=query, expression=select, distinct=False)
    return query


def _match(translation: Translation, targets: Sequence[Column], ref: TableRef, *, literal: bool) -> None:
    if len(translation.columns) != len(targets):
        raise invalid_query(
            f"Inserted row has wrong column count; Has {len(translation.columns)}, expected {len(targets)}"
        )
    for place, (have, want) in enumerate(zip(translation.columns, targets, strict=True), 1):
        if coerce(Value("", have.type, constant=literal), want.type) is None:
            raise invalid_query(
                f"Query column {place} has type {have.type} which cannot be inserted into column {want.name}, "
                f"which has type {want.type} in {ref}"
            )


def _create(engine: BigQuery, job: Job, request: Request, tree: exp.Create, kind: str) -> None:
    schema = tree.this
    node = schema.this if isinstance(schema, exp.Schema) else schema
    if kind == "SCHEMA":
        names = names_of(node)
        project, dataset = (job.project, names[0]) if len(names) == 1 else (names[0], names[1])
        if not (tree.args.get("exists") and any(item.id == dataset for item in engine.catalog.datasets(project))):
            engine.create_dataset(project, dataset, request.location or "US")
        return
    ref = _target(job, request, node)
    engine.demand("bigquery.tables.create", "Dataset", f"{ref.project}.{ref.dataset}", f"{ref.project}:{ref.dataset}")
    job.location = engine.catalog.dataset(ref.project, ref.dataset).location
    if engine.catalog.find(ref) is not None:
        if tree.args.get("exists"):
            return
        if tree.args.get("replace"):
            engine.delete_table(ref)
    query = tree.args.get("expression")
    if kind == "VIEW":
        if query is None:
            raise invalid_query("CREATE VIEW needs a query")
        engine.create_view(ref, _text_of(request.query))
        return
    partitioned, field = _partitioning(tree)
    if query is not None:
        translation, plan = _translate(engine, job, request, query, job.location)
        engine.create_table(ref, translation.columns, partitioned=partitioned, partition_field=field)
        _write(engine, ref, "WRITE_APPEND", translation.columns, plan)
        job.referenced = plan.referenced
        _charge(job, plan)
        return
    if not isinstance(schema, exp.Schema):
        raise invalid_query("CREATE TABLE needs columns or a query")
    columns = [_defined(request, item) for item in schema.expressions if isinstance(item, exp.ColumnDef)]
    engine.create_table(ref, columns, partitioned=partitioned, partition_field=field)


_AS_QUERY = re.compile(r"\bAS\s+(?=[(\s]*(?:SELECT|WITH)\b)", re.IGNORECASE)


def _text_of(text: str) -> str:
    """A view's query as it was written: all that follows AS."""
    match = _AS_QUERY.search(text)
    return text[match.end() if match else 0 :].rstrip().rstrip(";")


def _defined(request: Request, node: exp.ColumnDef) -> Column:
    required = any(isinstance(item.kind, exp.NotNullColumnConstraint) for item in node.args.get("constraints") or ())
    mode = "REQUIRED" if required else "NULLABLE"
    return Column(node.name, data_type(Source(request.query), node.args["kind"]), mode)


def _partitioning(tree: exp.Create) -> tuple[str | None, str | None]:
    properties = tree.args.get("properties")
    for item in properties.expressions if properties is not None else ():
        if isinstance(item, exp.PartitionedByProperty):
            inner = item.this
            unit = "DAY"
            while not isinstance(inner, exp.Column) and inner is not None:
                if isinstance(inner, exp.Anonymous) and len(inner.expressions) > 1:
                    unit = inner.expressions[1].name.upper()
                inner = inner.expressions[0] if inner.expressions else inner.this
            name = inner.name if inner is not None else ""
            return unit, None if name.upper().startswith("_PARTITION") else name
    return None, None


def _drop(engine: BigQuery, job: Job, request: Request, tree: exp.Drop, kind: str) -> None:
    target = tree.this or (tree.args.get("tables") or [None])[0]
    if target is None or len(tree.args.get("tables") or ()) > 1:
        raise Source(request.query).fail("DROP takes one name", tree)
    if kind == "SCHEMA":
        names = names_of(target)
        project, dataset = (job.project, names[0]) if len(names) == 1 else (names[0], names[1])
        engine.delete_dataset(project, dataset, contents=bool(tree.args.get("cascade")))
        return
    ref = _target(job, request, target)
    engine.demand("bigquery.tables.delete", "Table", str(ref), f"{ref.project}:{ref.dataset}.{ref.table}")
    if engine.catalog.find(ref) is None and tree.args.get("exists"):
        return
    engine.delete_table(ref)
