"""The API's JSON resources: datasets, tables and jobs, to and from the engine's objects.

The shapes are those of the BigQuery v2 discovery document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from exporter.model import TableRef
from exporter.sandbox.bigquery.catalog import Dataset, Table, View, ref_of
from exporter.sandbox.bigquery.errors import Json, invalid
from exporter.sandbox.bigquery.jobs import Job, Request
from exporter.sandbox.bigquery.metadata import COMPRESSION
from exporter.sandbox.bigquery.rows import encode_rows
from exporter.sandbox.bigquery.types import Column

MILLI_US = 1000
REFERENCED_LIMIT = 50
"""A job's statistics list no more referenced tables than this (JobStatistics2.referencedTables)."""

_DATASET_KEPT = ("friendlyName", "description", "labels", "access", "defaultTableExpirationMs", "defaultPartitionExpirationMs",
                 "storageBillingModel", "resourceTags", "isCaseInsensitive", "defaultCollation", "defaultRoundingMode",
                 "defaultEncryptionConfiguration")  # fmt: skip
_TABLE_KEPT = ("friendlyName", "description", "labels", "expirationTime", "clustering", "requirePartitionFilter",
               "resourceTags", "encryptionConfiguration", "tableConstraints", "defaultCollation", "maxStaleness")  # fmt: skip


def ms(at_us: int) -> str:
    """Milliseconds since the epoch, as the API writes an int64."""
    return str(at_us // MILLI_US)


def reference(ref: TableRef) -> Json:
    """A TableReference."""
    return {"projectId": ref.project, "datasetId": ref.dataset, "tableId": ref.table}


def schema(columns: Sequence[Column]) -> Json:
    """A TableSchema."""
    return {"fields": [column.rest() for column in columns]}


def etag(at_us: int, name: str) -> str:
    """An entity tag that changes with every change."""
    return f"{name}/{at_us}"


def dataset_resource(dataset: Dataset) -> Json:
    """A Dataset."""
    return {
        "kind": "bigquery#dataset",
        "etag": etag(dataset.modified_us, f"{dataset.project}:{dataset.id}"),
        "id": f"{dataset.project}:{dataset.id}",
        "selfLink": f"https://bigquery.googleapis.com/bigquery/v2/projects/{dataset.project}/datasets/{dataset.id}",
        "datasetReference": {"projectId": dataset.project, "datasetId": dataset.id},
        "location": dataset.location,
        "creationTime": ms(dataset.created_us),
        "lastModifiedTime": ms(dataset.modified_us),
        "maxTimeTravelHours": str(dataset.max_time_travel_hours),
        "type": "DEFAULT",
        **dataset.properties,
    }


def dataset_properties(body: Mapping[str, Any]) -> Json:
    """What the sandbox keeps of a Dataset without giving it a meaning."""
    return {key: body[key] for key in _DATASET_KEPT if body.get(key) is not None}


def access_of(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """What a dataset's ``access`` says, as roles and members."""
    for entry in dataset.properties.get("access") or ():
        member = entry.get("userByEmail") or entry.get("iamMember")
        if entry.get("role") and member:
            yield entry["role"], member


def table_properties(body: Mapping[str, Any]) -> Json:
    """What the sandbox keeps of a Table without giving it a meaning."""
    return {key: body[key] for key in _TABLE_KEPT if body.get(key) is not None}


def table_head(item: Table | View, location: str) -> Json:
    """What a Table has in lists and alone."""
    ref = item.ref
    head: Json = {
        "kind": "bigquery#table",
        "id": f"{ref.project}:{ref.dataset}.{ref.table}",
        "tableReference": reference(ref),
        "type": "TABLE" if isinstance(item, Table) else "VIEW",
        "creationTime": ms(item.created_us),
        "location": location,
        **item.properties,
    }
    if isinstance(item, View):
        head["view"] = {"query": item.sql, "useLegacySql": False}
    elif item.partitioning is not None:
        partitioning = {"type": item.partitioning}
        head["timePartitioning"] = partitioning | ({"field": item.partition_field} if item.partition_field else {})
    return head


def table_resource(item: Table | View, location: str, sizes: tuple[int, int], rows: int) -> Json:
    """A Table; ``sizes`` are active and long-term logical bytes."""
    resource = table_head(item, location)
    name = resource["id"]
    resource |= {
        "etag": etag(item.modified_us, name),
        "selfLink": f"https://bigquery.googleapis.com/bigquery/v2/projects/{item.ref.project}"
        f"/datasets/{item.ref.dataset}/tables/{item.ref.table}",
        "lastModifiedTime": ms(_last_modified(item)),
        "schema": schema(item.columns),
    }
    active, long_term = sizes
    total = active + long_term
    return resource | {
        "numRows": str(rows),
        "numBytes": str(total),
        "numLongTermBytes": str(long_term),
        "numTotalLogicalBytes": str(total),
        "numActiveLogicalBytes": str(active),
        "numLongTermLogicalBytes": str(long_term),
        "numTotalPhysicalBytes": str(total // COMPRESSION),
    }


def _last_modified(item: Table | View) -> int:
    commit = item.contents.last_commit_us if isinstance(item, Table) else None
    return max(item.modified_us, commit or 0)


# Jobs


def job_reference(job: Job) -> Json:
    """A JobReference."""
    return {"projectId": job.project, "jobId": job.id, "location": job.location}


def job_resource(job: Job) -> Json:
    """A Job."""
    status: Json = {"state": job.state}
    if job.error is not None:
        status |= {"errorResult": job.error.proto(), "errors": [job.error.proto()]}
    return {
        "kind": "bigquery#job",
        "etag": etag(job.ended_us or job.started_us, job.id),
        "id": f"{job.project}:{job.location}.{job.id}",
        "selfLink": f"https://bigquery.googleapis.com/bigquery/v2/projects/{job.project}/jobs/{job.id}?location={job.location}",
        "user_email": job.user,
        "principal_subject": f"user:{job.user}",
        "jobReference": job_reference(job),
        "jobCreationReason": {"code": "REQUESTED"},
        "configuration": configuration(job),
        "status": status,
        "statistics": statistics(job),
    }


def configuration(job: Job) -> Json:
    """A JobConfiguration: as it was sent, with what BigQuery fills in."""
    sent = dict(job.configuration)
    if job.kind != "QUERY":
        return sent | {"jobType": job.kind}
    query: Json = {"query": job.query, "useLegacySql": False, "priority": job.priority or "INTERACTIVE"}
    query |= dict(sent.get("query") or {})
    if job.destination is not None:
        query["destinationTable"] = reference(job.destination)
    elif job.state == "DONE" and job.error is None and "destinationTable" not in query and job.result is not None:
        anonymous = TableRef(job.project, "_anonymous", f"anon_{job.id.replace('-', '_')}")
        query |= {"destinationTable": reference(anonymous), "writeDisposition": "WRITE_TRUNCATE"}
    labels = {"labels": dict(job.labels)} if job.labels else {}
    return sent | labels | {"jobType": "QUERY", "query": query}


def statistics(job: Job) -> Json:
    """JobStatistics."""
    found: Json = {"creationTime": ms(job.created_us), "startTime": ms(job.started_us)}
    if job.ended_us is not None:
        found |= {
            "endTime": ms(job.ended_us),
            "totalBytesProcessed": str(job.bytes_processed),
            "totalSlotMs": str(job.slot_ms),
            "finalExecutionDurationMs": ms(job.ended_us - job.started_us),
        }
    if job.kind == "LOAD":
        return found | {"load": {"outputRows": str(job.affected_rows or 0), "badRecords": "0", "inputFiles": "1"}}
    if job.kind == "COPY":
        return found | {"copy": {"copiedRows": str(job.affected_rows or 0)}}
    query: Json = {
        "statementType": job.statement_type or "SELECT",
        "cacheHit": job.cache_hit,
        "totalBytesProcessed": str(job.bytes_processed),
        "totalBytesBilled": str(job.bytes_billed),
        "totalSlotMs": str(job.slot_ms),
        "referencedTables": []
        if not job.shows_tables
        else [reference(ref) for ref in job.referenced[:REFERENCED_LIMIT]],
    }
    if job.affected_rows is not None:
        count = str(job.affected_rows)
        query |= {"numDmlAffectedRows": count, "dmlStats": {"insertedRowCount": count}}
    if job.result is not None:
        query["schema"] = schema(job.result.columns)
    return found | {"query": query}


def dry_run_resource(job: Job, sent: Mapping[str, Any], *, has_bytes: bool) -> Json:
    """The Job that a dry run answers with: it has no id; ``has_bytes`` is whether it says how many it would process."""
    found = statistics(job)
    query = found["query"] | {"totalBytesBilled": "0", "totalBytesProcessedAccuracy": "PRECISE", "totalSlotMs": "0"}
    statistics_ = {"creationTime": found["creationTime"], "query": query}
    if has_bytes:
        statistics_["totalBytesProcessed"] = str(job.bytes_processed)
    else:
        del query["totalBytesProcessed"]
    return {
        "kind": "bigquery#job",
        "jobReference": {"projectId": job.project, "location": job.location},
        "configuration": dict(sent) | {"jobType": "QUERY", "dryRun": True},
        "status": {"state": "DONE"},
        "statistics": statistics_,
        "user_email": job.user,
    }


# Queries


def request(query: Mapping[str, Any], whole: Mapping[str, Any], location: str | None) -> Request:
    """A query request from a JobConfigurationQuery (or QueryRequest) and what stands around it."""
    if query.get("useLegacySql"):
        raise invalid("Legacy SQL is not supported by this BigQuery; set useLegacySql to false", "useLegacySql")
    text = query.get("query")
    if not isinstance(text, str) or not text.strip():
        raise invalid("Required parameter is missing: query", "query")
    default = query.get("defaultDataset") or {}
    destination = query.get("destinationTable")
    cap, timeout = query.get("maximumBytesBilled"), whole.get("jobTimeoutMs")
    return Request(
        query=text,
        location=location,
        parameters=query.get("queryParameters") or (),
        default_dataset=(default.get("projectId") or whole["projectId"], default["datasetId"]) if default else None,
        labels=whole.get("labels") or {},
        use_cache=query.get("useQueryCache") is not False,
        maximum_bytes_billed=int(cap) if cap is not None else None,
        job_timeout_ms=int(timeout) if timeout else None,
        dry_run=bool(whole.get("dryRun")),
        priority=query.get("priority") or "INTERACTIVE",
        destination=ref_of(destination)
        if destination and not str(destination.get("datasetId")).startswith("_")
        else None,
        write_disposition=query.get("writeDisposition") or "WRITE_EMPTY",
    )


def results(job: Job, start: int, limit: int, *, int64_timestamps: bool) -> Json:
    """A page of a finished query's rows, with what jobs.query and jobs.getQueryResults share."""
    page: Json = {
        "jobReference": job_reference(job),
        "jobComplete": True,
        "cacheHit": job.cache_hit,
        "totalBytesProcessed": str(job.bytes_processed),
        "totalBytesBilled": str(job.bytes_billed),
        "totalSlotMs": str(job.slot_ms),
        "creationTime": ms(job.created_us),
        "startTime": ms(job.started_us),
        "endTime": ms(job.ended_us or job.started_us),
        "location": job.location,
    }
    if job.affected_rows is not None:
        page |= {"numDmlAffectedRows": str(job.affected_rows), "dmlStats": {"insertedRowCount": str(job.affected_rows)}}
    if job.result is None:
        return page | ({} if job.affected_rows is None else {"totalRows": "0", "schema": {"fields": []}})
    rows = job.result.rows[start : start + limit]
    page |= {"schema": schema(job.result.columns), "totalRows": str(len(job.result.rows))}
    encoded = encode_rows(rows, job.result.columns, int64_timestamps=int64_timestamps)
    if encoded:
        page["rows"] = encoded
    if start + len(rows) < len(job.result.rows):
        page["pageToken"] = page_token(start + len(rows))
    return page


def page_token(place: int) -> str:
    """The token of the page that starts at a place."""
    return f"P{place}"


def page_start(token: str | None) -> int:
    """The place at which a page starts; raises ``ApiError`` for a token that is none."""
    if not token:
        return 0
    if token[:1] != "P" or not token[1:].isdigit():
        raise invalid("Invalid value for pageToken", "pageToken")
    return int(token[1:])
