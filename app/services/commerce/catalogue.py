"""The catalogue: what the assistant may offer and take orders for."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from app import store
from app.domain.catalogue import ProductChange as ProductChange
from app.domain.catalogue import ProductFields as ProductFields
from app.domain.faults import MAX_FAULTS, faults_of, in_words
from app.domain.ids import new_id
from app.errors import Conflict, InvalidInput, NotFound, TooLarge
from app.models import Product
from app.runtime import Runtime

#: Of a file that is imported.
MAX_BYTES = 10 * 2**20
MAX_ROWS = 20_000

_REQUIRED = frozenset({"sku", "name", "price", "currency"})
_YES = frozenset({"1", "true", "yes", "y", "on", "x"})
_NO = frozenset({"0", "false", "no", "n", "off"})


@dataclass(frozen=True)
class Imported:
    """What became of the rows of a file."""

    rows: int
    written: int
    """New or changed; the others stood so already."""


def list_products(
    runtime: Runtime,
    workspace_id: UUID,
    *,
    limit: int,
    after: str | None = None,
    active_only: bool = False,
) -> Sequence[Product]:
    """A page of the catalogue, by article number."""
    with runtime.transaction(workspace_id) as tx:
        return store.products.in_order(
            tx, limit=limit, after=after, active_only=active_only
        )


def find_product(runtime: Runtime, workspace_id: UUID, sku: str) -> Product:
    """The product with this article number.

    Raises NotFound.
    """
    with runtime.transaction(workspace_id) as tx:
        product = store.products.with_sku(tx, sku.strip())
    if product is None:
        raise NotFound(f"no product {sku}")
    return product


def add_product(
    runtime: Runtime, workspace_id: UUID, fields: ProductFields, *, actor: str
) -> Product:
    """Add a product.

    Raises Conflict where the article number is taken.
    """
    with runtime.transaction(workspace_id) as tx:
        product = store.products.add(
            tx, {"id": new_id(), "workspace_id": workspace_id, **fields.model_dump()}
        )
        if product is None:
            raise Conflict(f"there is a product {fields.sku} already")
        store.tenants.record_audit(
            tx,
            workspace_id=workspace_id,
            actor=actor,
            action="product.add",
            subject=str(product.id),
            details={"sku": product.sku},
        )
        return product


def change_product(
    runtime: Runtime,
    workspace_id: UUID,
    product_id: UUID,
    values: Mapping[str, Any],
    *,
    actor: str,
) -> Product:
    """Change a product; orders keep what it was. `values` are those of a `ProductChange`.

    Safe to repeat: what stands so already is neither written nor audited again. Raises NotFound.
    """
    with runtime.transaction(workspace_id) as tx:
        before = store.products.get(tx, product_id)
        if before is None:
            raise NotFound(f"no product {product_id}")
        changes = {
            name: value
            for name, value in values.items()
            if getattr(before, name) != value
        }
        if not changes:
            return before
        changed = store.products.change(tx, product_id, changes)
        assert changed is not None  # it is locked
        store.tenants.record_audit(
            tx,
            workspace_id=workspace_id,
            actor=actor,
            action="product.change",
            subject=str(product_id),
            details={name: str(value) for name, value in changes.items()},
        )
        return changed


def import_products(
    runtime: Runtime, workspace_id: UUID, content: bytes, *, actor: str
) -> Imported:
    """Add and change products as a CSV file says; a column that it lacks stays as it is.

    All of it or nothing. Safe to repeat. Raises InvalidInput that names the lines.
    """
    rows = _read(content)
    with runtime.transaction(workspace_id) as tx:
        written = store.products.put(
            tx,
            [{"id": new_id(), "workspace_id": workspace_id, **row} for row in rows],
        )
        store.tenants.record_audit(
            tx,
            workspace_id=workspace_id,
            actor=actor,
            action="product.import",
            subject=str(workspace_id),
            details={"rows": len(rows), "written": written},
        )
    return Imported(rows=len(rows), written=written)


def _read(content: bytes) -> list[dict[str, Any]]:
    if len(content) > MAX_BYTES:
        raise TooLarge(f"the file is larger than {MAX_BYTES // 2**20} MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InvalidInput("the file is not UTF-8") from exc
    first = text.partition("\n")[0]
    # Spreadsheets write what their country writes.
    delimiter = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        columns = [(name or "").strip().lower() for name in reader.fieldnames or ()]
        reader.fieldnames = columns
        _check_columns(columns)
        return _checked(reader, columns)
    except csv.Error as exc:
        raise InvalidInput(f"the file is not CSV: {exc}") from exc


def _check_columns(columns: Sequence[str]) -> None:
    if missing := sorted(_REQUIRED.difference(columns)):
        raise InvalidInput(f"the file lacks the columns {', '.join(missing)}")
    if unknown := sorted(set(columns).difference(ProductFields.model_fields)):
        raise InvalidInput(f"the file has unknown columns: {', '.join(unknown)}")
    if len(set(columns)) < len(columns):
        raise InvalidInput("the file has a column twice")


def _checked(
    reader: "csv.DictReader[str]", columns: Sequence[str]
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    faults: list[dict[str, Any]] = []
    seen: set[str] = set()
    for row in reader:
        line = reader.line_num
        try:
            fields = ProductFields.model_validate(_values(row))
        except ValidationError as exc:
            faults += [
                {"loc": [f"line {line}", *one["loc"]], "msg": one["msg"]}
                for one in faults_of(exc)
            ]
        else:
            if fields.sku in seen:
                faults.append({"loc": [f"line {line}", "sku"], "msg": "stands twice"})
            seen.add(fields.sku)
            rows.append({name: getattr(fields, name) for name in columns})
        if len(faults) >= MAX_FAULTS:
            break
        if len(rows) > MAX_ROWS:
            raise TooLarge(f"the file has more than {MAX_ROWS} lines")
    if faults:
        raise InvalidInput(
            f"the file is not a catalogue: {in_words(faults, of='line')}", faults
        )
    return rows


def _values(row: Mapping[str | None, Any]) -> dict[str, Any]:
    """A line as fields: what is empty is left out, what is too much is a fault."""
    values: dict[str, Any] = {
        name or "too many values": value for name, value in row.items() if value
    }
    if "active" in values:
        said = str(values["active"]).strip().lower()
        values["active"] = True if said in _YES else False if said in _NO else said
    return values
