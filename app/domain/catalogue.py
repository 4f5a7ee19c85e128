"""What a product has to be like before it can be offered."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from app.domain.scrub import scrub

#: Some currencies have thousandths.
_DECIMALS = 3
_MAX_QUANTITY = 100_000


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("has characters that cannot be seen")
    return value


Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_printable),
    BeforeValidator(scrub),
]
SKU = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(_printable),
    BeforeValidator(scrub),
]
Description = Annotated[str, BeforeValidator(scrub), Field(max_length=4_000)]
Price = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=_DECIMALS)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
MaxQuantity = Annotated[int, Field(ge=1, le=_MAX_QUANTITY)]


class ProductFields(BaseModel):
    """A product as somebody enters it."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    sku: SKU
    """The article number, unique in the workspace and as it is written."""
    name: Line
    description: Description = ""
    price: Price
    """Of one."""
    currency: Currency
    """ISO 4217."""
    active: bool = True
    """Whether it is offered and can be ordered."""
    max_quantity: MaxQuantity = 20
    """As many at most go into one order that the assistant takes."""


class ProductChange(BaseModel):
    """What of a product is to be another; what is left out stays. Its article number always does."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"minProperties": 1},
    )

    name: Line | None = None
    description: Description | None = None
    price: Price | None = None
    currency: Currency | None = None
    active: bool | None = None
    max_quantity: MaxQuantity | None = None

    @model_validator(mode="after")
    def _something(self) -> "ProductChange":
        if not self.changes():
            raise ValueError("names nothing to change")
        return self

    def changes(self) -> dict[str, Any]:
        """The fields that are given; null is as good as left out."""
        return self.model_dump(exclude_none=True)
