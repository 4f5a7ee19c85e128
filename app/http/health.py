"""Whether this process lives, and whether the installation can do its work."""

from http import HTTPStatus

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from app.http.answers import answer
from app.http.auth import public
from app.http.context import runtime
from app.http.schemas import CheckResult, Liveness, Readiness
from app.services.operations.readiness import readiness

health = APIBlueprint("health", __name__, abp_tags=[{"name": "health"}])


@health.get("/healthz", responses={200: Liveness})
@public
def healthz() -> Response:
    """Answers as long as the process does, whatever became of database and broker."""
    return answer(Liveness(status="ok"))


@health.get("/readyz", responses={200: Readiness, 503: Readiness})
@public
def readyz() -> Response:
    """What work depends on, check by check, with what to do about each that failed."""
    checks = readiness(runtime())
    ready = all(check.ok for check in checks)
    return answer(
        Readiness(
            ready=ready,
            checks={
                check.name: CheckResult(ok=check.ok, message=check.message)
                for check in checks
            },
        ),
        HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE,
    )
