"""The people who write."""

from uuid import UUID

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from app.domain.status import Scope
from app.http.answers import answer
from app.http.auth import needs
from app.http.bodies import read_model
from app.http.context import caller, runtime, workspace_id
from app.http.openapi import documented, problems
from app.http.schemas import (
    Customer,
    CustomerMerge,
    CustomerMerging,
    Identity,
    MergeCustomers,
)
from app.services import customers as people

customers = APIBlueprint(
    "customers",
    __name__,
    url_prefix="/api/v1/customers",
    abp_tags=[{"name": "customers"}],
)


class CustomerPath(BaseModel):
    customer_id: UUID


class MergePath(BaseModel):
    merge_id: UUID


@customers.get("/<uuid:customer_id>", responses={200: Customer, **problems(404)})
@needs(Scope.READ)
def get_customer(path: CustomerPath) -> Response:
    """A customer, and all that they are known by; of a merged one, who stands for them."""
    found = people.get_customer(runtime(), workspace_id(), path.customer_id)
    return answer(
        Customer(
            id=found.customer.id,
            name=found.customer.name,
            first_seen_at=found.first_seen_at,
            identities=[Identity.model_validate(one) for one in found.identities],
            merged=list(found.merged),
            merges=[CustomerMerge.model_validate(one) for one in found.merges],
        )
    )


@customers.post(
    "/<uuid:customer_id>/merge",
    request_body=documented(MergeCustomers),
    responses={200: CustomerMerging, **problems(404, 409, 413)},
)
@needs(Scope.SEND, Scope.OPS)
def merge(path: CustomerPath) -> Response:
    """Make one customer of two; the one in the path stays. With `dry_run` nothing changes."""
    body = read_model(MergeCustomers)
    done = people.merge_customers(
        runtime(),
        workspace_id(),
        path.customer_id,
        body.other,
        actor=caller().actor,
        dry_run=body.dry_run,
    )
    return answer(CustomerMerging.model_validate(done))


@customers.post(
    "/merges/<uuid:merge_id>/undo",
    responses={200: CustomerMerge, **problems(404, 409)},
)
@needs(Scope.SEND, Scope.OPS)
def undo(path: MergePath) -> Response:
    """Part two customers again; no message merges them a second time."""
    done = people.undo_merge(
        runtime(), workspace_id(), path.merge_id, actor=caller().actor
    )
    return answer(CustomerMerge.model_validate(done))
