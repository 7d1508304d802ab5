"""The API's methods for jobs: queries, their results, loads, lists."""

from __future__ import annotations

from exporter.sandbox.bigquery import resources
from exporter.sandbox.bigquery.engine import BigQuery
from exporter.sandbox.bigquery.errors import ApiError, Json, job_not_found
from exporter.sandbox.bigquery.jobs import Job
from exporter.sandbox.bigquery.methods import PAGE_ROWS, Call, page
from exporter.sandbox.iam import EXPORTER

MAXIMUM_TIMEOUT_MS = 200_000


def jobs_query(call: Call) -> Json:
    """jobs.query: starts a query and waits for it, up to ``timeoutMs``."""
    body = {**call.body, "projectId": call.project}
    request = resources.request(body, body, body.get("location"))
    if request.dry_run:
        answered = _dry_query(call.engine.dry_run(call.project, request))
        if not call.engine.conduct.now.dry_run_has_bytes:
            del answered["totalBytesProcessed"]
        return answered
    request_id = body.get("requestId")
    job = call.engine.requested(call.project, request_id) if request_id else None
    if job is None:
        job = call.engine.start_query(call.project, request)
        job.optional = body.get("jobCreationMode") == "JOB_CREATION_OPTIONAL"
        if request_id:
            call.engine.remember(call.project, request_id, job)
    options = body.get("formatOptions") or {}
    timeout_ms = call.engine.default_wait_ms if body.get("timeoutMs") is None else int(body["timeoutMs"])
    limit = PAGE_ROWS if body.get("maxResults") is None else int(body["maxResults"])
    answer = _results(call.engine, job, timeout_ms, 0, limit, int64_timestamps=bool(options.get("useInt64Timestamp")))
    answer["kind"] = "bigquery#queryResponse"
    answer["queryId"] = f"{job.id}_q"
    if job.optional and answer["jobComplete"] and "pageToken" not in answer:
        del answer["jobReference"]
    else:
        answer["jobCreationReason"] = {"code": "REQUESTED"}
    return answer


def _dry_query(job: Job) -> Json:
    result = job.result
    return {
        "kind": "bigquery#queryResponse",
        "jobReference": {"projectId": job.project, "location": job.location},
        "jobComplete": True,
        "cacheHit": False,
        "totalBytesProcessed": str(job.bytes_processed),
        "location": job.location,
        **({"schema": resources.schema(result.columns), "totalRows": "0"} if result is not None else {}),
    }


def _results(engine: BigQuery, job: Job, timeout_ms: int, start: int, limit: int, *, int64_timestamps: bool) -> Json:
    if not engine.wait(job, min(timeout_ms, MAXIMUM_TIMEOUT_MS) / 1000):
        return {"jobComplete": False, "jobReference": resources.job_reference(job), "location": job.location}
    if job.error is not None:
        raise job.error
    if job.result is None and job.statement_type == "SELECT":
        raise ApiError(
            404, "notFound", f"Not found: the results of job {job.project}:{job.location}.{job.id} have expired"
        )
    return resources.results(job, start, limit, int64_timestamps=int64_timestamps)


def _job(call: Call) -> Job:
    location = call.query.get("location")
    job = call.engine.find_job(call.project, call.path["job"])
    if job is None or (location and location.lower() != job.location.lower()):
        raise job_not_found(call.project, location, call.path["job"])
    return job


def jobs_get_query_results(call: Call) -> Json:
    """jobs.getQueryResults."""
    job = _job(call)
    start = resources.page_start(call.query.get("pageToken")) or call.number("startIndex", 0)
    answer = _results(
        call.engine,
        job,
        call.number("timeoutMs", call.engine.default_wait_ms),
        start,
        call.number("maxResults", PAGE_ROWS),
        int64_timestamps=call.flag("formatOptions.useInt64Timestamp"),
    )
    return answer | {"kind": "bigquery#getQueryResultsResponse", "etag": f"results/{job.id}"}


def jobs_insert(call: Call) -> Json:
    """jobs.insert: a query, a load of uploaded data, or a copy."""
    sent = call.body.get("configuration") or {}
    reference = call.body.get("jobReference") or {}
    engine = call.engine
    if load := sent.get("load"):
        return resources.job_resource(engine.load(call.project, reference, sent, load, call.upload))
    if copy := sent.get("copy"):
        return resources.job_resource(engine.copy(call.project, reference, sent, copy))
    query = sent.get("query")
    if query is None:
        raise ApiError(501, "notImplemented", "Only query, load and copy jobs are supported by this BigQuery")
    request = resources.request(query, {**sent, "projectId": call.project}, reference.get("location"))
    if request.dry_run:
        has_bytes = engine.conduct.now.dry_run_has_bytes
        return resources.dry_run_resource(engine.dry_run(call.project, request), sent, has_bytes=has_bytes)
    job = engine.start_query(call.project, request, job_id=reference.get("jobId"), configuration=sent)
    engine.wait(job, QUICK_S)
    return resources.job_resource(job)


QUICK_S = 0.02
"""How long jobs.insert waits, so that a query which is done at once is answered as done."""


def jobs_get(call: Call) -> Json:
    """jobs.get."""
    return resources.job_resource(_job(call))


def jobs_cancel(call: Call) -> Json:
    """jobs.cancel."""
    job = _job(call)
    call.engine.cancel(job)
    return {"kind": "bigquery#jobCancelResponse", "job": resources.job_resource(job)}


def jobs_list(call: Call) -> Json:
    """jobs.list: the caller's own jobs, or those of all, newest first."""
    engine = call.engine
    if call.flag("allUsers") and not engine.iam.allowed(EXPORTER, "bigquery.jobs.listAll", call.project):
        raise ApiError(
            403,
            "accessDenied",
            f"Access Denied: Project {call.project}: User does not have permission to list all jobs in project {call.project}.",
        )
    states = call.query.get("stateFilter", "").lower().split(",")
    first, last = call.number("minCreationTime", 0), call.number("maxCreationTime", 2**53)
    jobs = [
        job
        for job in reversed(engine.journal.jobs())
        if job.project == call.project
        and (call.flag("allUsers") or job.user == engine.user)
        and (states == [""] or job.state.lower() in states)
        and first <= job.created_us // 1000 <= last
        and not call.query.get("parentJobId")
    ]

    def show(job: Job) -> Json:
        whole = resources.job_resource(job) | {"state": job.state}
        if job.error is not None:
            whole["errorResult"] = job.error.proto()
        return whole

    return page(call, jobs, "jobs", "bigquery#jobList", show)
