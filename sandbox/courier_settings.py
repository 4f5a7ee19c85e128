"""How notifications are delivered."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class CourierSettings(BaseModel):
    """Everything that `/_control` can change of the delivery."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    scale: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Of the delays between attempts."""
    copies: Annotated[int, Field(ge=1, le=100)] = 1
    """So often each notification is delivered."""
    delay_seconds: Annotated[float, Field(ge=0, le=600)] = 0.0
    """So long after its cause a notification is delivered first."""
    hold: bool = False
    """Nothing is delivered before it is released."""
    original_timestamp: bool = False
    """Later attempts carry the timestamp, and so the signature, of the first."""
    age_seconds: int = 0
    """Timestamps lie so far in the past, or in the future where it is negative."""
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 20
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
