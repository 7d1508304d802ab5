"""Routes of the REST APIs below the control address, and what every call goes through: faults, switches, permissions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from exporter.sandbox import services
from exporter.sandbox.clock import from_us
from exporter.sandbox.faults import APIS, Fault
from exporter.sandbox.iam import EXPORTER, project_number
from exporter.sandbox.rest import dashboards, policies, projects
from exporter.sandbox.rest.answers import Refused, invalid
from exporter.sandbox.rest.documents import Documents
from exporter.sandbox.world import World

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the parts of its path, its query, its body, and when it came."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Json
    at_us: int


Work = Callable[[Call], Json]


class Face:
    """Dashboards, alert policies and the project itself, over one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._dashboards = Documents("dashboards", world.seed)
        self._policies = Documents("alertPolicies", world.seed)

    def routes(self) -> Iterator[Route]:
        """The routes of all methods that there are."""
        project = "/cloudresourcemanager/v1/projects/{project}"
        yield self._route("GET", project, "projects.get", self._project)
        yield self._route("POST", f"{project}:testIamPermissions", "projects.testIamPermissions", self._test)
        boards, board = "/monitoring/v1/projects/{project}/dashboards", "/{id}"
        yield self._route("POST", boards, "CreateDashboard", self._create_dashboard, "monitoring.dashboards.create")
        yield self._route("GET", boards, "ListDashboards", self._list(self._dashboards), "monitoring.dashboards.list")
        yield self._route(
            "GET", boards + board, "GetDashboard", self._get(self._dashboards), "monitoring.dashboards.get"
        )
        delete = self._delete(self._dashboards)
        yield self._route("DELETE", boards + board, "DeleteDashboard", delete, "monitoring.dashboards.delete")
        alerts, alert = "/monitoring/v3/projects/{project}/alertPolicies", "/{id}"
        rights = "monitoring.alertPolicies"
        yield self._route("POST", alerts, "CreateAlertPolicy", self._create_policy, f"{rights}.create")
        yield self._route("GET", alerts, "ListAlertPolicies", self._list(self._policies), f"{rights}.list")
        yield self._route("GET", alerts + alert, "GetAlertPolicy", self._get(self._policies), f"{rights}.get")
        delete = self._delete(self._policies)
        yield self._route("DELETE", alerts + alert, "DeleteAlertPolicy", delete, f"{rights}.delete")

    def _route(self, verb: str, path: str, method: str, work: Work, permission: str | None = None) -> Route:
        api = path.split("/")[1]

        async def endpoint(request: Request) -> Response:
            body = await request.body()
            return await to_thread.run_sync(self._answer, api, method, request, body, work, permission)

        return Route(path, endpoint, methods=[verb])

    def _answer(
        self, api: str, method: str, request: Request, body: bytes, work: Work, permission: str | None
    ) -> Response:
        world, code = self._world, "OK"
        fault = world.engines.faults.strike(api, method) if api in APIS else None
        try:
            if fault is not None and fault.garbage:
                return Response(b"<html>upstream connect error</html>", 200, media_type="text/html")
            self._admit(api, request.path_params["project"], permission, fault)
            call = Call(request.path_params, request.query_params, _object(body), world.settle())
            return JSONResponse(work(call))
        except Refused as refused:
            code = refused.code
            return JSONResponse(refused.body(), refused.http)
        finally:
            if api in APIS:
                world.engines.faults.record(api, method, code)

    def _admit(self, api: str, project: str, permission: str | None, fault: Fault | None) -> None:
        """Raise ``Refused`` for a call that is to fail, of an API that is off, or of a caller who may not."""
        if fault is not None:
            raise Refused(fault.status or "INTERNAL", "The sandbox was told to fail this call.")
        engines = self._world.engines
        if api in engines.conduct.now.apis_off:
            kind = "type.googleapis.com/google.rpc.ErrorInfo"
            info = {"reason": services.REASON, "domain": "googleapis.com", "metadata": services.metadata(api, project)}
            raise Refused("PERMISSION_DENIED", services.off(api, project), ({"@type": kind, **info},))
        if permission is not None and not engines.iam.allowed(EXPORTER, permission, project):
            raise Refused("PERMISSION_DENIED", f"Permission {permission} denied (or the resource may not exist).")

    # The project

    def _known(self) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for dataset in self._world.engines.bigquery.catalog.datasets():
            found[dataset.project] = min(dataset.created_us, found.get(dataset.project, dataset.created_us))
        return found

    def _project(self, call: Call) -> Json:
        return projects.get(call.path["project"], self._known(), self._world.engines.iam)

    def _test(self, call: Call) -> Json:
        return projects.test_permissions(call.path["project"], call.body, self._known(), self._world.engines.iam)

    # Documents

    def _create_dashboard(self, call: Call) -> Json:
        dashboards.check(call.body, self._world.engines.conduct.now)
        project, only = call.path["project"], call.query.get("validateOnly", "false")
        if only not in ("true", "false"):
            raise invalid(f"Invalid value at 'validate_only' (TYPE_BOOL), \"{only}\"", "validate_only")
        if only == "true":
            return {**call.body, "name": ""}
        given = str(call.body.get("name") or "").rpartition("/")[2]
        identity = given or self._dashboards.new_id()
        name = f"projects/{project_number(project)}/dashboards/{identity}"
        return self._dashboards.add(project, identity, {**call.body, "name": name, "etag": str(call.at_us)})

    def _create_policy(self, call: Call) -> Json:
        policies.check(call.body, self._world.engines.conduct.now)
        project, identity = call.path["project"], self._policies.new_id()
        name = f"projects/{project}/alertPolicies/{identity}"
        record = {"mutateTime": from_us(call.at_us).isoformat().replace("+00:00", "Z")}
        conditions = [
            {**condition, "name": f"{name}/conditions/{self._policies.new_id()}"}
            for condition in call.body["conditions"]
        ]
        made = {"enabled": True, **call.body, "name": name, "conditions": conditions}
        return self._policies.add(project, identity, {**made, "creationRecord": record, "mutationRecord": record})

    @staticmethod
    def _list(documents: Documents) -> Work:
        def work(call: Call) -> Json:
            if call.query.get("filter") or call.query.get("orderBy"):
                raise Refused("UNIMPLEMENTED", "The sandbox lists all, without filter and order.")
            return documents.page(call.path["project"], call.query)

        return work

    @staticmethod
    def _get(documents: Documents) -> Work:
        return lambda call: documents.get(call.path["project"], call.path["id"])

    @staticmethod
    def _delete(documents: Documents) -> Work:
        def work(call: Call) -> Json:
            documents.delete(call.path["project"], call.path["id"])
            return {}

        return work


def _object(body: bytes) -> Json:
    try:
        given = json.loads(body) if body else {}
    except (ValueError, RecursionError) as error:
        raise invalid(f"Invalid JSON payload received. {error}") from error
    if not isinstance(given, dict):
        raise invalid("Invalid JSON payload received. The body is not an object.")
    return given
