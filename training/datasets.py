"""Data sets by name: where they are looked for, how they are loaded, and what to do where they are missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.sources.dataset import DataError, Dataset, Shape, Split

__all__ = ["DataError", "Dataset", "DatasetInfo", "Split", "fetch_dataset", "list_datasets", "load_dataset"]


@dataclass(frozen=True)
class DatasetInfo:
    """What `askew data list` says about a known data set.

    Attributes:
        shape: (H, W, C) of every image.
        embedded: it comes with an installed package and need not be fetched.
        location: the folder or file where it was found; None where it is embedded or not here.
        download_bytes: what fetching it would transfer; 0 where it is embedded.
    """

    name: str
    description: str
    shape: Shape
    classes: int
    train_images: int
    test_images: int
    embedded: bool
    location: Path | None
    download_bytes: int
    home: str


def load_dataset(name: str, data_dir: Path | None = None) -> Dataset:
    """A known data set by its name, or the user's own by the path of its ``.npz``."""
    raise DataError(name)


def list_datasets(data_dir: Path | None = None) -> list[DatasetInfo]:
    """Every known data set and where it is."""
    raise DataError(str(data_dir))


def fetch_dataset(name: str, data_dir: Path | None = None) -> Path:
    """Download a known data set."""
    raise DataError(name)
