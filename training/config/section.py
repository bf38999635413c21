"""What every section of a configuration has in common, and the numbers that their keys take."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationInfo, field_validator

MAX_WIDTH = 65_536  # outputs of one layer; far above every binary network that was published

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=64)]
Integer = Annotated[int, Strict()]
Width = Annotated[Integer, Field(ge=1, le=MAX_WIDTH)]
Step = Annotated[Integer, Field(ge=1, le=64)]
Margin = Annotated[Integer, Field(ge=0, le=63)]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Side = Annotated[Integer, Field(ge=1, le=4096)]


class Section(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _check_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Pydantic takes true for 1.0 and "0.5" for 0.5; nobody who writes that means it."""
        annotation = cls.model_fields[info.field_name or ""].annotation
        kinds = {getattr(kind, "__origin__", kind) for kind in get_args(annotation)} or {annotation}
        if float in kinds <= {float, type(None)} and isinstance(value, (bool, str)):
            raise ValueError("should be a valid number")
        return value
