"""`products`: what a workspace sells."""

from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import BaseModel, ValidationError

from app.cli import session
from app.cli.output import json_option, report, show, show_one
from app.domain.faults import faults_of, in_words
from app.errors import InvalidInput
from app.models import Product
from app.services.commerce import catalogue
from app.services.commerce.catalogue import ProductChange, ProductFields

Model = TypeVar("Model", bound=BaseModel)

_PAGE = 500
_COLUMNS = ("sku", "name", "price", "currency", "active", "max_quantity")


@click.group()
def products() -> None:
    """The catalogue that the assistant sells from."""


@products.command("add")
@session.workspace_option
@click.option("--name", required=True)
@click.option("--price", required=True, help="Of one, such as 12.50.")
@click.option("--currency", required=True, help="Three letters, such as EUR.")
@click.option("--description", default="")
@click.option("--max-quantity", type=int, default=20, show_default=True)
@click.argument("sku")
@json_option
def add_product(workspace: str, as_json: bool, **fields: Any) -> None:
    """Add a product."""
    owner = session.workspace(workspace)
    wanted = _valid(ProductFields, fields)
    added = catalogue.add_product(session.runtime(), owner.id, wanted, actor="cli")
    show_one(_record(added), as_json=as_json)


@products.command("list")
@session.workspace_option
@click.option("--active", is_flag=True, help="Only what is sold.")
@json_option
def list_products(workspace: str, active: bool, as_json: bool) -> None:
    """The products of a workspace, by article number."""
    owner = session.workspace(workspace)
    rows: list[dict[str, Any]] = []
    after = None
    while True:
        page = catalogue.list_products(
            session.runtime(), owner.id, limit=_PAGE, after=after, active_only=active
        )
        rows += map(_record, page)
        if len(page) < _PAGE:
            break
        after = page[-1].sku
    show(rows, _COLUMNS, as_json=as_json)


@products.command("change")
@session.workspace_option
@click.option("--name")
@click.option("--price")
@click.option("--currency")
@click.option("--description")
@click.option("--max-quantity", type=int)
@click.option("--active/--inactive", default=None)
@click.argument("sku")
@json_option
def change_product(workspace: str, sku: str, as_json: bool, **fields: Any) -> None:
    """Change a product; orders keep what it was."""
    owner = session.workspace(workspace)
    given = {name: value for name, value in fields.items() if value is not None}
    change = _valid(ProductChange, given)
    product = catalogue.find_product(session.runtime(), owner.id, sku)
    changed = catalogue.change_product(
        session.runtime(), owner.id, product.id, change.changes(), actor="cli"
    )
    show_one(_record(changed), as_json=as_json)


@products.command("import")
@session.workspace_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def import_products(workspace: str, file: Path, as_json: bool) -> None:
    """Add and change products as a CSV file says: sku,name,price,currency and others.

    All of it or nothing. A column that the file lacks stays as it is.
    """
    owner = session.workspace(workspace)
    done = catalogue.import_products(
        session.runtime(), owner.id, _read(file), actor="cli"
    )
    report(
        f"{done.rows} products, {done.written} of them new or changed",
        {"rows": done.rows, "written": done.written},
        as_json=as_json,
    )


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(catalogue.MAX_BYTES + 1)


def _valid(model: type[Model], fields: dict[str, Any]) -> Model:
    try:
        return model.model_validate(fields)
    except ValidationError as exc:
        raise InvalidInput(in_words(faults_of(exc), of="the product")) from exc


def _record(product: Product) -> dict[str, Any]:
    price: Decimal = product.price
    return {
        "id": product.id,
        "sku": product.sku,
        "name": product.name,
        "description": product.description,
        "price": str(price),
        "currency": product.currency,
        "active": product.active,
        "max_quantity": product.max_quantity,
    }
