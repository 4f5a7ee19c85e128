"""The people who write."""

from uuid import UUID

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from app.domain.status import Scope
from app.http.answers import answer
from app.http.auth import needs
from app.http.context import runtime, workspace_id
from app.http.openapi import problems
from app.http.schemas import Customer, Identity
from app.services import inbox

customers = APIBlueprint(
    "customers",
    __name__,
    url_prefix="/api/v1/customers",
    abp_tags=[{"name": "customers"}],
)


class CustomerPath(BaseModel):
    customer_id: UUID


@customers.get("/<uuid:customer_id>", responses={200: Customer, **problems(404)})
@needs(Scope.READ)
def get_customer(path: CustomerPath) -> Response:
    """A customer, and all that they are known by."""
    customer, identities = inbox.get_customer(
        runtime(), workspace_id(), path.customer_id
    )
    return answer(
        Customer(
            id=customer.id,
            name=customer.name,
            first_seen_at=customer.first_seen_at,
            identities=[Identity.model_validate(one) for one in identities],
        )
    )
