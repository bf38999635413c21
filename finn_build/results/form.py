"""What descriptions of JSON files are made of: numbers with bounds, and tables that keep what they do not know.

A model says what others rely on; keys beyond that pass as they are. Numbers are finite and of their own type: no texts,
no booleans. It writes the very keys that it was given, so that a key that a stage leaves out stays out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema

from bnn.errors import UserError
from bnn.files import CHECKSUM, checksum, write_figures
from bnn.readers import DamagedFileError, read_json

MOST = 2**53  # counts beyond this are no counts

Count = Annotated[int, Field(ge=0, le=MOST)]
Frames = Annotated[int, Field(ge=1, le=MOST)]
Share = Annotated[float, Field(ge=0, le=1)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# A whole number stays one, in Python and in the file; to a schema both are numbers.
Real = Annotated[int | float, WithJsonSchema({"type": "number"})]
Number = Annotated[int | float, Field(ge=0, le=MOST), WithJsonSchema({"type": "number", "minimum": 0, "maximum": MOST})]
Cycles = Annotated[int | float, Field(ge=1, le=MOST), WithJsonSchema({"type": "number", "minimum": 1, "maximum": MOST})]
"""A frame initiation interval may be a fraction."""
Clock = Annotated[
    int | float, Field(ge=1e-3, le=1e6), WithJsonSchema({"type": "number", "minimum": 1e-3, "maximum": 1e6})
]
"""MHz."""


def says(sentence: str, unit: str | None = None, **more: Any) -> Any:
    """A key of a file: what it says and in which unit. Without a ``default`` the file must have it."""
    return Field(description=sentence, json_schema_extra={"unit": unit} if unit else None, **more)


class Part(BaseModel):
    """A table inside of a file."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=())

    def to_json(self) -> dict[str, Any]:
        """Plain values as they stand in the file: the keys that were given, and no others."""
        return self.model_dump(mode="json", exclude_unset=True)

    @classmethod
    def of(cls, figures: Mapping[str, Any] | None) -> Self | None:
        """The same of plain values that were checked before; None of None."""
        return None if figures is None else cls.model_validate(dict(figures))

    @classmethod
    def read(cls, file: Path, advice: str, error_type: type[UserError] = DamagedFileError) -> Self:
        """A file's contents, without its checksum.

        Args:
            file: JSON.
            advice: what the error says to do.
            error_type: of the error.

        Raises:
            error_type: not JSON, of another form, or not what was written.
            OSError: the file cannot be opened.
        """
        figures = read_json(file, advice, error_type)
        if CHECKSUM in figures and figures.pop(CHECKSUM) != checksum(figures):
            raise error_type(f"{file}: damaged (its contents are not those that its checksum was made of); {advice}")
        try:
            return cls.model_validate(figures)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise error_type(f"{file}: damaged ({place}: {first['msg']}); {advice}") from None

    def write(self, file: Path) -> dict[str, Any]:
        """Write the file with its checksum, whole or not at all; gives what was written."""
        return write_figures(file, self.to_json())


class Figures(Part):
    """What the file of every stage has."""

    network_hash: str = says("hash of the network; figures of different hashes are never compared")
    askew_version: str | None = says("version that wrote the file", default=None)
