"""The catalogue."""

import base64
import binascii
from http import HTTPStatus
from uuid import UUID

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from app.domain.status import Scope
from app.errors import InvalidInput
from app.http.answers import answer
from app.http.auth import needs
from app.http.bodies import read_model
from app.http.commerce_schemas import Product, Products
from app.http.context import caller, runtime, workspace_id
from app.http.openapi import documented, problems
from app.services.commerce import catalogue
from app.services.commerce.catalogue import ProductChange, ProductFields

products = APIBlueprint(
    "products", __name__, url_prefix="/api/v1/products", abp_tags=[{"name": "orders"}]
)


class ProductPath(BaseModel):
    product_id: UUID


class ProductFilter(BaseModel):
    limit: int = Field(default=50, ge=1, le=100)
    active: bool = Field(default=False, description="Only what is sold.")
    cursor: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="`next_cursor` of the page before.",
    )


@products.get("", responses={200: Products})
@needs(Scope.READ)
def list_products(query: ProductFilter) -> Response:
    """The products of the workspace, by article number."""
    # One row more than asked for tells whether there is another page.
    found = catalogue.list_products(
        runtime(),
        workspace_id(),
        limit=query.limit + 1,
        after=_decode(query.cursor) if query.cursor else None,
        active_only=query.active,
    )
    items = [Product.model_validate(one) for one in found[: query.limit]]
    is_last = len(found) <= query.limit
    return answer(
        Products(items=items, next_cursor=None if is_last else _encode(items[-1].sku))
    )


@products.post(
    "",
    request_body=documented(ProductFields),
    responses={201: Product, **problems(409, 413)},
)
@needs(Scope.OPS)
def add_product() -> Response:
    """Add a product, which the assistant offers and takes orders for while it is active."""
    added = catalogue.add_product(
        runtime(), workspace_id(), read_model(ProductFields), actor=caller().actor
    )
    return answer(Product.model_validate(added), HTTPStatus.CREATED)


@products.patch(
    "/<uuid:product_id>",
    request_body=documented(ProductChange),
    responses={200: Product, **problems(404, 413)},
)
@needs(Scope.OPS)
def change_product(path: ProductPath) -> Response:
    """Change a product; orders keep what it was when they were placed."""
    changed = catalogue.change_product(
        runtime(),
        workspace_id(),
        path.product_id,
        read_model(ProductChange).changes(),
        actor=caller().actor,
    )
    return answer(Product.model_validate(changed))


def _encode(sku: str) -> str:
    return base64.urlsafe_b64encode(sku.encode()).decode().rstrip("=")


def _decode(cursor: str) -> str:
    try:
        sku = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError) as exc:
        raise _unusable() from exc
    if not sku.isprintable():
        raise _unusable()
    return sku


def _unusable() -> InvalidInput:
    return InvalidInput(
        "the parameters are not valid",
        [{"loc": ["cursor"], "msg": "is not a cursor of this list"}],
    )
