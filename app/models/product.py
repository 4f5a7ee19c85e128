"""What a workspace sells."""

from decimal import Decimal

from sqlalchemy import CheckConstraint, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, InWorkspace, Timestamps, UUIDKey


class Product(InWorkspace, Timestamps, Base):
    """One line of the catalogue."""

    __tablename__ = "products"
    __table_args__ = (
        UniqueConstraint("workspace_id", "sku"),
        CheckConstraint("price >= 0", name="price"),
        CheckConstraint("max_quantity > 0", name="max_quantity"),
    )

    id: Mapped[UUIDKey]
    sku: Mapped[str]
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default=text("''"))
    price: Mapped[Decimal]
    """Of one; with as many decimals as it was given."""
    currency: Mapped[str]
    """Three letters, as ISO 4217 has them."""
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    """What is not active is neither offered nor sold."""
    max_quantity: Mapped[int] = mapped_column(Integer, server_default=text("20"))
    """As many at most go into one order without a person."""
